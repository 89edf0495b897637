/** What a data directory, its database and its keys may disagree about, and what is said then. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { MarkKeeper, markEveryMs, readDataMark } from '../../server/data-dir/data-mark.js'
import { signingKeyFromSeed } from '../../server/events/signatures.js'
import { checkDatabase, checkFolders, checkSigningKey, makeRefuse } from '../../server/guard-data.js'
import { dataDirLayout } from '../../server/kernel/data-dir.js'
import { type DataFault, DataFaultError } from '../../server/kernel/start-faults.js'
import type { Identity } from '../../server/store/server-meta-store.js'
import { silentLogger } from '../support/database.js'
import { fakeClock } from '../support/fake-clock.js'
import { temporaryDirectory } from '../support/temporary-directory.js'

let layout: ReturnType<typeof dataDirLayout>
beforeEach(() => {
  const directory = temporaryDirectory()
  onTestFinished(() => directory[Symbol.dispose]())
  layout = dataDirLayout(directory.path)
  mkdirSync(layout.keys)
})

const refuse = makeRefuse([], silentLogger)
const accepting = (...faults: DataFault[]) => makeRefuse(faults, silentLogger)
const touch = (path: string, text = '') => writeFileSync(path, text)
const useBefore = () => touch(join(layout.keys, 'live.jwk'))
const haveDatabase = () => {
  mkdirSync(layout.database)
  touch(join(layout.database, 'CURRENT'))
}
const mark = { database_id: 'mine', position: 10, schema: 7 }
const key = signingKeyFromSeed(Buffer.alloc(32, 1), 'ed25519:a')
const identity: Identity = {
  database_id: 'mine',
  server_name: 'here.test',
  key_id: key.keyId,
  public_key: key.publicKeyBase64,
}
const faultIn = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    expect(error).toBeInstanceOf(DataFaultError)
    expect((error as Error).message).toMatch(/^[A-Z/].*\.$/)
    return (error as DataFaultError).fault
  }
}

describe('before the database is opened', () => {
  test('a new directory, and one with nothing but a key that was brought along, are no fault', () => {
    expect(checkFolders(layout, true, refuse)).toBeUndefined()
    touch(join(layout.keys, 'signing.key'))
    expect(checkFolders(layout, true, refuse)).toBeUndefined()
  })

  test('a directory that was used before has a database', () => {
    useBefore()
    expect(faultIn(() => checkFolders(layout, true, refuse))).toBe('database-missing')
    mkdirSync(layout.database)
    expect(faultIn(() => checkFolders(layout, true, refuse))).toBe('database-missing')
    expect(checkFolders(layout, true, accepting('database-missing'))).toBeUndefined()
    expect(checkFolders(layout, false, refuse)).toBeUndefined() // a remote one lies elsewhere
    touch(join(layout.database, 'CURRENT'))
    expect(checkFolders(layout, true, refuse)).toBeUndefined()
  })

  test('a mark alone says that there was a database; it counts no more when that is accepted', () => {
    touch(layout.mark, JSON.stringify(mark))
    expect(faultIn(() => checkFolders(layout, true, refuse))).toBe('database-missing')
    expect(checkFolders(layout, true, accepting('database-missing'))).toBeUndefined()
    haveDatabase()
    expect(checkFolders(layout, true, refuse)).toEqual(mark)
  })

  test.each(['', 'x', '{}', '{"database_id":"mine","position":"10","schema":7}'])('a mark of %j is broken', (text) => {
    haveDatabase()
    touch(layout.mark, text)
    expect(faultIn(() => checkFolders(layout, true, refuse))).toBe('broken-mark')
    expect(checkFolders(layout, true, accepting('broken-mark'))).toBeUndefined()
  })
})

describe('the opened database', () => {
  const facts = { mark, identity, position: 10, serverName: 'here.test' }
  const haveKey = () => touch(join(layout.keys, 'signing.key'))

  test('as it was left, or further than the mark, is no fault; a new one neither', () => {
    haveKey()
    expect(checkDatabase(facts, layout, refuse)).toBe(10)
    expect(checkDatabase({ ...facts, position: 12 }, layout, refuse)).toBe(12)
    expect(checkDatabase({ ...facts, mark: undefined }, layout, refuse)).toBe(10)
    expect(checkDatabase({ mark: undefined, identity: undefined, position: 0 }, layout, refuse)).toBe(0)
  })

  test.each<[DataFault, Partial<typeof facts>]>([
    ['lost-tail', { position: 9 }],
    ['other-database', { identity: { ...identity, database_id: 'theirs' } }],
    ['other-server', { serverName: 'there.test' }],
  ])('%s', (fault, change) => {
    haveKey()
    expect(faultIn(() => checkDatabase({ ...facts, ...change }, layout, refuse))).toBe(fault)
  })

  test('an empty database in the place of a full one is another database', () => {
    expect(faultIn(() => checkDatabase({ mark, identity: undefined, position: 0 }, layout, refuse))).toBe(
      'other-database',
    )
  })

  test('a lost end that is accepted gives no position out twice', () => {
    haveKey()
    expect(checkDatabase({ ...facts, position: 4 }, layout, accepting('lost-tail'))).toBe(10)
  })

  test('a name never changes, whatever is accepted', () => {
    haveKey()
    const refuseStill = accepting('other-server')
    expect(faultIn(() => checkDatabase({ ...facts, serverName: 'there.test' }, layout, refuseStill))).toBe(
      'other-server',
    )
  })

  test('its key is there', () => {
    expect(faultIn(() => checkDatabase(facts, layout, refuse))).toBe('key-missing')
    expect(checkDatabase(facts, layout, accepting('key-missing'))).toBe(10)
  })
})

test('the signing key is the one of the database, or that one is listed among the former', () => {
  const other = signingKeyFromSeed(Buffer.alloc(32, 2), 'ed25519:b')
  const former = { keyId: key.keyId, publicKeyBase64: key.publicKeyBase64, expiredTs: 1 }

  checkSigningKey(identity, { current: key, retired: [] }, layout, refuse)
  checkSigningKey({ database_id: 'mine' }, { current: other, retired: [] }, layout, refuse)
  checkSigningKey(identity, { current: other, retired: [former] }, layout, refuse)
  expect(faultIn(() => checkSigningKey(identity, { current: other, retired: [] }, layout, refuse))).toBe('other-key')
  checkSigningKey(identity, { current: other, retired: [] }, layout, accepting('other-key'))
})

test('the mark is written at most once a second, at the end, and never moves back', async () => {
  const clock = fakeClock()
  const keeper = new MarkKeeper(layout.mark, mark, { clock, logger: silentLogger })
  const written = () => (readDataMark(layout.mark) as { position: number } | undefined)?.position

  keeper.note(11)
  keeper.note(12)
  expect(clock.timers).toBe(1)
  clock.advance(markEveryMs)
  await expect.poll(written).toBe(12)
  keeper.note(3)
  expect(clock.timers).toBe(0)
  keeper.note(20)
  await keeper.close()

  expect(written()).toBe(20)
})
