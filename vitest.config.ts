import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  // main/ is tested against a strict fake of Electron; the real module would start a download.
  resolve: { alias: { electron: at('test/support/fake-electron.ts') } },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/e2e/**', '**/*.e2e.test.ts', '**/*.electron.test.ts', 'test/clients/**', '**/node_modules/**'],
    pool: 'forks', // the engine keeps its RocksDB lock until its process ends
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 5_000 } },
    env: { ELECTRON_OVERRIDE_DIST_PATH: '/dev/null' },
  },
})
