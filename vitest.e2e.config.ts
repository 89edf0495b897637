/** Tests in a real browser: two files at a time; each of them starts servers and a Chromium, and waits a good part of its time. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/{e2e,electron,packaging}/**/*.e2e.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    env: { ELECTRON_OVERRIDE_DIST_PATH: '/dev/null' },
  },
})
