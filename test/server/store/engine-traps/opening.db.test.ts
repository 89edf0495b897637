/** What happens when the engine is opened twice, wrongly, or after a crash. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeEngines } from '@surrealdb/node'
import { Surreal } from 'surrealdb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openEngine } from '../../../../server/store/engine.js'
import { makeRpc } from '../../../../server/store/rpc.js'
import { startChild } from '../../../support/child.js'
import { openTestDatabase, silentLogger } from '../../../support/database.js'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

describe('opening the engine', () => {
  test('a second opener in the same process is refused, also after the first has closed', async () => {
    await using db = await openTestDatabase()
    const again = () => openEngine(`rocksdb://${db.dir}/db`, silentLogger)
    await expect(again()).rejects.toThrow(/lock/i)

    await db.close()

    await expect(again()).rejects.toThrow(/lock/i)
  })

  test('a second opener in another process is refused', async () => {
    const child = startChild(new URL('../children/crash-with-live-queries.ts', import.meta.url), { dir, rows: 0 })
    await child.hears((message) => message === 'ready')

    await expect(openEngine(`rocksdb://${dir}/db`, silentLogger)).rejects.toThrow(/lock/i)

    await child.kill()
  })

  test('where the native engine rejects, the SDK’s connect never settles', async () => {
    await using db = await openTestDatabase()
    const sdk = new Surreal({ engines: createNodeEngines() })

    const connecting = sdk.connect(`rocksdb://${db.dir}/db`).then(
      () => 'connected',
      () => 'refused',
    )

    const answer = await Promise.race([connecting, new Promise((resolve) => setTimeout(resolve, 1000, 'nothing'))])
    expect(answer).toBe('nothing')
  })

  test('live queries of a process that crashed are still there, and cannot be killed', async () => {
    const child = startChild(new URL('../children/crash-with-live-queries.ts', import.meta.url), { dir, rows: 0 })
    await child.hears((message) => message === 'ready')
    await child.kill()
    const engine = await openEngine(`rocksdb://${dir}/db`, silentLogger)
    const rpc = makeRpc(engine)
    await rpc.call('use', ['matrix', 'homeserver'])

    const [{ lives }] = await rpc.query<[{ lives: object }]>('INFO FOR TABLE room_events')
    const ids = Object.keys(lives)

    expect(ids).toHaveLength(2)
    for (const id of ids) await expect(rpc.query(`KILL u"${id}"`)).rejects.toThrow('Cannot execute KILL')
    await engine.close()
  })

  test('sleep, crypto, http, rand and scripting are closed to everyone', async () => {
    await using db = await openTestDatabase()

    for (const sql of [
      'sleep(1s)',
      "RETURN crypto::md5('x')",
      "RETURN crypto::argon2::generate('x')",
      "RETURN http::get('http://127.0.0.1/')",
      'RETURN rand()',
      'RETURN rand::uuid()',
      'RETURN function() { return 1 }',
    ])
      await expect(db.query(sql), sql).rejects.toThrow(/not allowed|not enabled/i)
  })
})
