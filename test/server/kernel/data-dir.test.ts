/** Where data lives when nothing says so, on each system. */
import { expect, test } from 'vitest'
import { chooseDataDir } from '../../../server/kernel/data-dir.js'

test.each([
  ['linux', {}, '/home/ana', '/home/ana/.local/share/hearth'],
  ['linux', { XDG_DATA_HOME: '/data' }, '/home/ana', '/data/hearth'],
  ['linux', { XDG_DATA_HOME: 'relative' }, '/home/ana', '/home/ana/.local/share/hearth'],
  ['linux', { XDG_DATA_HOME: '' }, '/home/ana', '/home/ana/.local/share/hearth'],
  ['darwin', { XDG_DATA_HOME: '/data' }, '/Users/ana', '/Users/ana/Library/Application Support/Hearth'],
  [
    'win32',
    { APPDATA: 'C:\\Users\\ana\\AppData\\Roaming' },
    'C:\\Users\\ana',
    'C:\\Users\\ana\\AppData\\Roaming\\Hearth',
  ],
  ['win32', {}, 'C:\\Users\\ana', 'C:\\Users\\ana\\AppData\\Roaming\\Hearth'],
] as const)('on %s with %j', (platform, env, home, expected) => {
  expect(chooseDataDir({ platform, env, home })).toBe(expected)
})
