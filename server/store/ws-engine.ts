/**
 * The engine of a SurrealDB cluster, over one WebSocket: `ws://user:password@host:port`.
 *
 * Requests keep their bytes except for their id, which is replaced by a number of this connection, because
 * the requests of different clients may carry the same. Answers lose their envelope, so that they look
 * like the native engine's. The connection is not made again when it is lost: who was waiting cannot know
 * whether a write happened, and sessions and live queries are gone, so the process starts afresh.
 */
import { WebSocket } from 'ws'
import type { Logger } from '../kernel/logger.js'
import { mapEntries, mapHeader, textBytes, unsignedBytes } from './cbor.js'
import { type Engine, EngineClosedError, NotificationFanOut } from './engine.js'
import { codec } from './rpc.js'

type Pending = { resolve(reply: Uint8Array): void; reject(error: Error): void }

export async function openWsEngine(url: string, logger: Logger): Promise<Engine> {
  const target = new URL(url)
  const { username, password } = target
  target.username = ''
  target.password = ''
  if (target.pathname === '/') target.pathname = '/rpc'
  const socket = new WebSocket(target, 'cbor', { maxPayload: 256 * 1024 * 1024 })
  socket.binaryType = 'nodebuffer'
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  const engine = new WsEngine(socket, logger)
  if (username) await signIn(engine, decodeURIComponent(username), decodeURIComponent(password))
  return engine
}

/** The shared session of this connection becomes the root user's. */
async function signIn(engine: Engine, user: string, pass: string): Promise<void> {
  const reply = await engine.execute(codec.encode({ id: '0', method: 'signin', params: [{ user, pass }] }))
  const answer = codec.decode<unknown>(reply)
  if (typeof answer === 'object' && answer !== null && 'error' in answer)
    throw new Error('The database refused the user and password in database.url')
}

class WsEngine implements Engine {
  readonly #socket: WebSocket
  readonly #fanOut: NotificationFanOut
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  readonly closed: Promise<void>

  constructor(socket: WebSocket, logger: Logger) {
    this.#socket = socket
    this.#fanOut = new NotificationFanOut(logger)
    socket.on('message', (frame: Buffer) => this.#receive(frame))
    socket.on('error', (error) => logger.error({ err: error }, 'the connection to the database failed'))
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#pending.values())
          reject(new EngineClosedError('the connection to the database was lost', true))
        this.#pending.clear()
        resolve()
      })
    })
  }

  execute(request: Uint8Array): Promise<Uint8Array> {
    if (this.#socket.readyState !== WebSocket.OPEN)
      return Promise.reject(new EngineClosedError('the database is closed'))
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      this.#socket.send(withId(request, id))
    })
  }

  onNotification(listener: (frame: Uint8Array) => void): () => void {
    return this.#fanOut.add(listener)
  }

  async close(): Promise<void> {
    this.#socket.close(1000)
    await this.closed
  }

  #receive(frame: Uint8Array): void {
    const entries = mapEntries(frame)
    const idBytes = entries.get('id')
    const result = entries.get('result')
    if (!idBytes) {
      if (result) this.#fanOut.tell(result)
      return
    }
    const id = codec.decode<number>(idBytes)
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    const error = entries.get('error')
    pending?.resolve(error ? Buffer.concat([mapHeader(1), textBytes('error'), error]) : (result ?? none))
  }
}

/** CBOR's undefined, where an answer has no result. */
const none = Uint8Array.of(0xf7)

function withId(request: Uint8Array, id: number): Uint8Array {
  const parts: Uint8Array[] = []
  const entries = mapEntries(request)
  entries.delete('id')
  parts.push(mapHeader(entries.size + 1), textBytes('id'), unsignedBytes(id))
  for (const [name, value] of entries) parts.push(textBytes(name), value)
  return Buffer.concat(parts)
}
