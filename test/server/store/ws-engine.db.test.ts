/** The engine over a WebSocket, against a server that speaks SurrealDB's protocol in front of the native engine. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { mapEntries, mapHeader, textBytes } from '../../../server/store/cbor.js'
import { openDatabase } from '../../../server/store/database.js'
import { openEngine } from '../../../server/store/engine.js'
import { codec, makeRpc } from '../../../server/store/rpc.js'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Frames as SurrealDB's server sends them: `{ id, result }`, `{ id, error }`, and `{ result }` for notifications. */
async function serve(db: TestDatabase) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/rpc', handleProtocols: () => 'cbor' })
  closers.push(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  const methods: string[] = []
  server.on('connection', (socket: WebSocket) => {
    db.engine.onNotification((frame) => socket.send(Buffer.concat([mapHeader(1), textBytes('result'), frame])))
    socket.on('message', async (frame: Buffer) => {
      const { method } = codec.decode<{ method: string }>(frame)
      methods.push(method)
      const id = mapEntries(frame).get('id')!
      const answer = method === 'signin' ? codec.encode('token') : await db.engine.execute(frame)
      const refused = Buffer.from(answer.subarray(0, 7)).toString('latin1').endsWith('error')
      const body = refused ? answer.subarray(1) : Buffer.concat([textBytes('result'), answer])
      socket.send(Buffer.concat([mapHeader(2), textBytes('id'), id, body]))
    })
  })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, methods, server }
}

describe('the engine over a WebSocket', () => {
  test('is opened, migrated, written to and read from like the native one', async () => {
    await using native = await openTestDatabase()
    const { port, methods } = await serve(native)

    const db = await openDatabase({ url: `ws://root:s%40cret@127.0.0.1:${port}`, logger: silentLogger })
    const units = Array.from({ length: 20 }, (_, n) =>
      db.commit(() => ({ writes: [insertRow('event', { id: `$${n}`, n })], changes: [], result: n })),
    )

    expect(await Promise.all(units)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(await native.query('SELECT count() FROM event GROUP ALL')).toEqual([[{ count: 20 }]])
    expect(methods[0]).toBe('signin')
    await db.close()
  })

  test('errors and notifications arrive as from the native one', async () => {
    await using native = await openTestDatabase()
    const { port } = await serve(native)
    const engine = await openEngine(`ws://127.0.0.1:${port}/rpc`, silentLogger)
    const rpc = makeRpc(engine)
    const heard: unknown[] = []
    engine.onNotification((frame) => heard.push(codec.decode<{ action: string }>(frame).action))

    await expect(rpc.call('nonsense', [])).rejects.toThrow('Method not found')
    await rpc.query('LIVE SELECT * FROM receipts; CREATE receipts:1')

    await expect.poll(() => heard).toEqual(['CREATE'])
    await engine.close()
  })

  test('a connection that breaks rejects what is under way and says that it is closed', async () => {
    await using native = await openTestDatabase()
    const { port, server } = await serve(native)
    const engine = await openEngine(`ws://127.0.0.1:${port}/rpc`, silentLogger)
    const waiting = makeRpc(engine).query('SELECT * FROM event')

    for (const client of server.clients) client.terminate()

    await expect(waiting).rejects.toThrow('connection to the database was lost')
    await engine.closed
    await expect(makeRpc(engine).query('RETURN 1')).rejects.toThrow('closed')
  })

  test('where nobody listens, opening fails', async () => {
    await expect(openEngine('ws://127.0.0.1:1/rpc', silentLogger)).rejects.toThrow('ECONNREFUSED')
  })
})
