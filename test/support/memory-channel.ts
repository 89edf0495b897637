/** A live channel in memory, with the client's end as calls: what a MessagePort or WebSocket carries in real life. */
import { CborCodec, type Uuid } from 'surrealdb'
import type { Channel, ChannelPeer } from '../../server/live/channel.js'

type Frame = { id?: string; result?: unknown; error?: { message: string; kind: string } }
export type Note = { id: Uuid; action: string; record: unknown; result: Record<string, unknown> }

export class MemoryChannel implements Channel {
  readonly notes: Note[] = []
  closedWith: { code: number | undefined; reason: string | undefined } | undefined
  /** Set by a test: what the carrier has not sent yet. */
  bufferedBytes = 0
  constructor(readonly peer: ChannelPeer = { kind: 'local' }) {}

  readonly #codec = new CborCodec({})
  readonly #answers = new Map<string, (frame: Frame) => void>()
  #onMessage: (bytes: Uint8Array) => void = () => {}
  #onClose: () => void = () => {}
  #lastId = 0

  // ── the server's end ──
  post(bytes: Uint8Array): void {
    const frame = this.#codec.decode(bytes) as Frame
    if (frame.id === undefined) this.notes.push(frame.result as Note)
    else this.#answers.get(frame.id)?.(frame)
  }
  onMessage(handler: (bytes: Uint8Array) => void): void {
    this.#onMessage = handler
  }
  onClose(handler: () => void): void {
    this.#onClose = handler
  }
  close(code?: number, reason?: string): void {
    if (this.closedWith) return
    this.closedWith = { code, reason }
    for (const answer of this.#answers.values()) answer({ error: { message: 'closed', kind: 'Closed' } })
    this.#onClose()
  }

  // ── the client's end ──
  sendRaw(bytes: Uint8Array): void {
    this.#onMessage(bytes)
  }
  hangUp(): void {
    this.close()
  }
  /** @throws Error with the server's refusal, or when the channel closes first */
  async call<T = unknown>(method: string, params?: unknown[], session?: Uuid): Promise<T> {
    const id = String(++this.#lastId)
    const answered = new Promise<Frame>((resolve) => this.#answers.set(id, resolve))
    this.sendRaw(this.#codec.encode({ id, method, params, ...(session && { session }) }))
    const { result, error } = await answered
    if (error) throw new Error(error.message)
    return result as T
  }
  /** One result per statement. */
  async query<T = unknown>(sql: string, bindings?: Record<string, unknown>): Promise<T[]> {
    const replies = await this.call<{ status: string; result: T }[]>('query', [sql, bindings])
    for (const { status, result } of replies) if (status !== 'OK') throw new Error(String(result))
    return replies.map(({ result }) => result)
  }
}
