/** Tests in a real browser: one worker, since each of them starts servers and a Chromium. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/{e2e,electron,packaging}/**/*.e2e.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    env: { ELECTRON_OVERRIDE_DIST_PATH: '/dev/null' },
  },
})
