/** One process has the database: who may claim it, and what becomes of one that lost it. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import type { UserId } from '../../../server/kernel/identifiers.js'
import { StartAgainError } from '../../../server/kernel/start-faults.js'
import { mapEntries, mapHeader, textBytes } from '../../../server/store/cbor.js'
import { type OpenDatabase, openDatabase } from '../../../server/store/database.js'
import { claimNode, deadAfterMs, heartbeatMs, type NodeRow, readNodes } from '../../../server/store/node-store.js'
import { codec } from '../../../server/store/rpc.js'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'

/** The database's own time, which is what counts. */
async function leave(db: TestDatabase, silentForMs: number, row: Partial<NodeRow> = {}): Promise<void> {
  await db.query('CREATE node:other SET heartbeat_at = time::millis(time::now()) - $silent, host = $host, pid = $pid', {
    ...{ host: 'elsewhere', pid: 7, ...row },
    silent: silentForMs,
  })
}

function claim(db: TestDatabase, clock = fakeClock()) {
  const failures: unknown[] = []
  const health = { fail: (error: unknown) => void failures.push(error) }
  const needs = { rpc: db.root, health, clock, logger: silentLogger, isShared: true, version: '0.1.0' }
  return { clock, failures, claimed: claimNode(needs) }
}

/** Each test's own first claim is that of `openTestDatabase`, of an embedded database. */
const forgetOwn = (db: TestDatabase) => db.query('DELETE node')

test('an embedded database takes the place of whatever the last run left, and leaves none itself', async () => {
  await using db = await openTestDatabase()
  const rows = await readNodes(db.root)

  expect(rows).toEqual([expect.objectContaining({ id: db.nodeId, pid: process.pid, host: hostname() })])
  expect(Math.abs(rows[0]!.heartbeat_at - Date.now())).toBeLessThan(60_000)
})

test('a fresh heartbeat of another process is respected, in one sentence', async () => {
  await using db = await openTestDatabase()
  await forgetOwn(db)
  await leave(db, deadAfterMs - 5_000)

  const { claimed } = claim(db)

  await expect(claimed).rejects.toBeInstanceOf(StartAgainError)
  await expect(claimed).rejects.toThrow(/^Another Hearth \(process 7 on elsewhere\) uses this database/)
  expect((await readNodes(db.root)).map(({ id }) => id)).toEqual(['other'])
})

test.each([
  ['that has been silent for a minute', deadAfterMs + 1_000, {}],
  ['of this machine whose process has ended', 0, { host: hostname(), pid: 2 ** 22 + 1 }],
  ['of this machine with this very number, as in a container', 0, { host: hostname(), pid: process.pid }],
])('a process %s is taken over from', async (_, silentForMs, row) => {
  await using db = await openTestDatabase()
  await forgetOwn(db)
  await leave(db, silentForMs, row)

  const node = await claim(db).claimed

  expect((await readNodes(db.root)).map(({ id }) => id)).toEqual([node.id])
})

test('of two that claim at once, one gets it', async () => {
  await using db = await openTestDatabase()
  await forgetOwn(db)

  // Neither can see that the other lives by its process: they are the same.
  await db.query(
    "DEFINE EVENT elsewhere ON node WHEN $event = 'CREATE' THEN { UPDATE $after.id SET host = 'elsewhere' }",
  )
  const results = await Promise.allSettled([claim(db).claimed, claim(db).claimed, claim(db).claimed])

  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await readNodes(db.root)).toHaveLength(1)
})

test('the heartbeat goes on, and a process whose claim is gone writes no more', async () => {
  await using db = await openTestDatabase()
  await forgetOwn(db)
  const { clock, failures, claimed } = claim(db)
  const node = await claimed
  await db.query('UPDATE node SET heartbeat_at = 0')

  clock.advance(heartbeatMs)
  await expect.poll(async () => (await readNodes(db.root))[0]?.heartbeat_at).toBeGreaterThan(0)
  expect(failures).toEqual([])
  await db.query('DELETE node; CREATE node:thief SET heartbeat_at = 1')
  clock.advance(heartbeatMs)

  await expect.poll(() => failures).toEqual([new Error('another process has claimed the database')])
  await node.close()
  expect((await readNodes(db.root)).map(({ id }) => id)).toEqual(['thief'])
})

/** A server's side of the SDK's protocol, on the embedded engine. */
async function serveOverWebSocket(db: OpenDatabase) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/rpc', handleProtocols: () => 'cbor' })
  server.on('connection', (socket: WebSocket) => {
    socket.on('message', async (frame: Buffer) => {
      const { method } = codec.decode<{ method: string }>(frame)
      const id = mapEntries(frame).get('id')!
      const answer = method === 'signin' ? codec.encode('token') : await db.engine.execute(frame)
      const refused = Buffer.from(answer.subarray(0, 7)).toString('latin1').endsWith('error')
      const body = refused ? answer.subarray(1) : Buffer.concat([textBytes('result'), answer])
      socket.send(Buffer.concat([mapHeader(2), textBytes('id'), id, body]))
    })
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://root:x@127.0.0.1:${port}`,
    [Symbol.dispose]() {
      for (const client of server.clients) client.terminate()
      server.close()
    },
  }
}

test('a second node on a remote database is refused before it touches anything of the first', async () => {
  await using native = await openTestDatabase()
  await forgetOwn(native)
  using remote = await serveOverWebSocket(native)
  const one = await openDatabase({ url: remote.url, logger: silentLogger })
  await one.live.writeLive([{ op: 'upsert', table: 'typing_events', row: { id: ['!r', '@a:x'], room_id: '!r' } }])
  await one.root.query('LIVE SELECT * FROM room_events')
  await native.query("UPDATE node SET host = 'elsewhere'") // as if the second were on another machine

  await expect(openDatabase({ url: remote.url, logger: silentLogger })).rejects.toThrow(/^Another Hearth/)

  const [typing] = await one.query<[unknown[]]>('SELECT * FROM typing_events')
  const [info] = await one.root.query<[{ lives: object }]>('INFO FOR TABLE room_events')
  expect(typing).toHaveLength(1)
  expect(Object.keys(info.lives)).toHaveLength(1)
  const position = await one.commit((grant) => {
    const position = grant.position()
    const change = { kind: 'profile' as const, position, userId: '@a:x' as UserId }
    return { writes: [insertRow('event', { id: '$a' })], changes: [change], result: position }
  })
  expect(position).toBe(1)
  await one.close()
})
