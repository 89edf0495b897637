/**
 * SurrealDB's RPC over a byte channel, as an engine of the unmodified SDK.
 *
 * One engine lives as long as its channel; connecting again is a new engine. Notifications are
 * handed to a synchronous handler here, below the SDK's own iterator, which drops messages that
 * come while its consumer is busy. Those that come before the handler is known are kept.
 */
import {
  type ConnectionState,
  type DriverContext,
  type EngineEvents,
  Features,
  type LiveMessage,
  parseRpcError,
  RpcEngine,
  type RpcRequest,
  type RpcResponse,
  type SurrealEngine,
  type Uuid,
} from 'surrealdb'
import type { LiveChannel } from '../platform/bridge.js'

export type LiveHandler = (message: LiveMessage) => void
type Call = { resolve: (result: unknown) => void; reject: (error: Error) => void }
type Listener = (...payload: never[]) => void

/** Notifications kept for a live query that nobody took yet. */
const keptUnclaimed = 1024

/** The channel closed before the answer came. */
export class ChannelClosedError extends Error {
  override readonly name = 'ChannelClosedError'
}

export class PortEngine extends RpcEngine implements SurrealEngine {
  readonly features = new Set([Features.LiveQueries])
  readonly #channel: LiveChannel
  readonly #calls = new Map<string, Call>()
  readonly #listeners = new Map<keyof EngineEvents, Set<Listener>>()
  readonly #handlers = new Map<string, LiveHandler>()
  readonly #unclaimed = new Map<string, LiveMessage[]>()
  #isClosed = false

  /** @param channel this engine takes its messages; its `onClose` stays with the owner, who calls `closed()` */
  constructor(context: DriverContext, channel: LiveChannel) {
    super(context)
    this.#channel = channel
    channel.onMessage((bytes) => this.#receive(bytes))
  }

  open(state: ConnectionState): void {
    this._state = state
    queueMicrotask(() => this.#publish('connected'))
  }

  ready(): void {}

  async close(): Promise<void> {
    this.#channel.close()
    this.closed()
  }

  /** The channel is gone: whoever waits for an answer learns it now. */
  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const call of this.#calls.values()) call.reject(new ChannelClosedError('the live channel closed'))
    this.#calls.clear()
    this.#handlers.clear()
    this.#unclaimed.clear()
    this._state = undefined
    this.#publish('disconnected')
  }

  subscribe<Event extends keyof EngineEvents>(event: Event, listener: (...payload: EngineEvents[Event]) => void) {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners)
    listeners.add(listener as Listener)
    return () => void listeners.delete(listener as Listener)
  }

  send<Method extends string, Params extends unknown[] | undefined, Result>(
    request: RpcRequest<Method, Params>,
  ): Promise<Result> {
    if (this.#isClosed) return Promise.reject(new ChannelClosedError('the live channel closed'))
    const id = this._context.uniqueId()
    return new Promise<unknown>((resolve, reject) => {
      this.#calls.set(id, { resolve, reject })
      this.#channel.post(new Uint8Array(this._context.codecs.cbor.encode({ id, ...request })))
    }) as Promise<Result>
  }

  /** Hands each notification of a live query to `handler`, at once and in the order of arrival. */
  onLive(id: string, handler: LiveHandler): () => void {
    this.#handlers.set(id, handler)
    for (const message of this.#unclaimed.get(id) ?? []) handler(message)
    this.#unclaimed.delete(id)
    return () => this.#handlers.delete(id)
  }

  /** For the SDK's own `live`; loses nothing, unlike the iterator it has itself. */
  async *liveQuery(id: Uuid): AsyncIterable<LiveMessage> {
    const waiting: LiveMessage[] = []
    let wake: (() => void) | undefined
    const stop = this.onLive(id.toString(), (message) => {
      waiting.push(message)
      wake?.()
    })
    const unsubscribe = this.subscribe('disconnected', () => wake?.())
    try {
      while (!this.#isClosed) {
        const message = waiting.shift()
        if (message) yield message
        else
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      }
    } finally {
      stop()
      unsubscribe()
    }
  }

  #publish<Event extends keyof EngineEvents>(event: Event, ...payload: EngineEvents[Event]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (...given: unknown[]) => void)(...payload)
  }

  #receive(bytes: Uint8Array): void {
    const frame = this._context.codecs.cbor.decode<RpcResponse & { id?: string }>(bytes)
    if (typeof frame.id === 'string') {
      const call = this.#calls.get(frame.id)
      this.#calls.delete(frame.id)
      if (frame.error) call?.reject(parseRpcError(frame.error))
      else call?.resolve(frame.result)
      return
    }
    const message = toLiveMessage(frame.result)
    if (message) this.#deliver(message)
  }

  #deliver(message: LiveMessage): void {
    const id = message.queryId.toString()
    const handler = this.#handlers.get(id)
    if (handler) {
      handler(message)
      return
    }
    const kept = this.#unclaimed.get(id) ?? []
    if (kept.length < keptUnclaimed) this.#unclaimed.set(id, [...kept, message])
  }
}

type LiveFrame = { id: Uuid; action: string; record?: unknown; result?: unknown }

function toLiveMessage(result: unknown): LiveMessage | undefined {
  if (typeof result !== 'object' || result === null || !('action' in result) || !('id' in result)) return undefined
  const { id, action, record, result: value } = result as LiveFrame
  if (action === 'KILLED') return { queryId: id, action }
  return { queryId: id, action, recordId: record, value } as LiveMessage
}
