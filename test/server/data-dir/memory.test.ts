/** A data directory remembers its server name, and keeps it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readRememberedServerName, rememberServerName, settleServerName } from '../../../server/data-dir/memory.js'
import { ConfigError } from '../../../server/kernel/config.js'
import { parseServerName } from '../../../server/kernel/identifiers.js'
import { temporaryDirectory } from '../../support/temporary-directory.js'

const home = parseServerName('home.example')!
const other = parseServerName('other.example')!

test('a new directory remembers nothing: onboarding', () => {
  using directory = temporaryDirectory()

  expect(settleServerName(directory.path, undefined)).toBeUndefined()
  expect(settleServerName(directory.path, home)).toBe(home)
})

test('what is remembered is used from then on, and cannot become another name', () => {
  using directory = temporaryDirectory()
  rememberServerName(directory.path, home)
  rememberServerName(directory.path, home)

  expect(JSON.parse(readFileSync(join(directory.path, 'hearth.json'), 'utf8'))).toEqual({ server_name: home })
  expect(settleServerName(directory.path, undefined)).toBe(home)
  expect(settleServerName(directory.path, home)).toBe(home)
  expect(() => settleServerName(directory.path, other)).toThrow(ConfigError)
  expect(() => rememberServerName(directory.path, other)).toThrow(
    /belongs to home\.example and cannot become other\.example/,
  )
})

test.each(['{', '[]', 'null', '{"server_name":"no name"}'])('a damaged memory (%s) stops the start', (text) => {
  using directory = temporaryDirectory()
  writeFileSync(join(directory.path, 'hearth.json'), text)

  expect(() => readRememberedServerName(directory.path)).toThrow(/holds no server name/)
})
