/**
 * The engine adapter: one connection to SurrealDB that takes and gives bytes, native or over a socket.
 *
 * Everything in the process shares one `Engine`: the server's own queries and sessions (`rpc.ts`) and
 * the live bridge, which passes its clients' frames on without decoding them. The SDK's own engine is
 * not used because it hides the native object, never settles on an open error, and invalidates
 * sessions by timer, which makes them owner sessions.
 *
 * A request without `session` runs in the connection's shared session, and that one is OWNER, as is
 * every attached session that has not authenticated. Whoever forwards a request from outside must
 * pin it to an authenticated session first.
 */
import type { Logger } from '../kernel/logger.js'

export type Engine = {
  /**
   * Runs one RPC request.
   *
   * @param request CBOR of `{ id, method, params?, session?, txn? }`
   * @returns CBOR of the bare result, or of `{ error: … }` where the request as a whole was refused
   * @throws EngineClosedError after `close`, or when a remote connection is lost under way (the outcome is then unknown)
   */
  execute(request: Uint8Array): Promise<Uint8Array>
  /**
   * Every live-query notification of every session, as CBOR of `{ id, action, record, result, session }`.
   * Listeners run synchronously in the engine's order; one that throws is logged and skipped.
   *
   * @returns stops this listener
   */
  onNotification(listener: (frame: Uint8Array) => void): () => void
  /** Resolves once when the connection has ended, by `close` or by itself. */
  readonly closed: Promise<void>
  close(): Promise<void>
}

export class EngineClosedError extends Error {
  override readonly name = 'EngineClosedError'

  /** @param wasSent true where the request may have been carried out all the same */
  constructor(
    message: string,
    readonly wasSent = false,
  ) {
    super(message)
  }
}

/**
 * Opens the engine behind `url`: `rocksdb://<path>` in this process (at most once per path and process:
 * the lock is given back only when the process ends), `ws://` or `wss://` for a cluster.
 *
 * @throws Error with the engine's own words when it cannot be opened, e.g. because another process has it open
 */
export async function openEngine(url: string, logger: Logger): Promise<Engine> {
  if (/^wss?:\/\//.test(url)) return (await import('./ws-engine.js')).openWsEngine(url, logger)
  return (await import('./native-engine.js')).openNativeEngine(url, logger)
}

/** Fan-out of notifications, shared by both engines. */
export class NotificationFanOut {
  readonly #listeners = new Set<(frame: Uint8Array) => void>()
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  add(listener: (frame: Uint8Array) => void): () => void {
    // Wrapped, so that the same function added twice is two listeners.
    const entry = (frame: Uint8Array) => listener(frame)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  tell(frame: Uint8Array): void {
    for (const listener of this.#listeners) {
      try {
        listener(frame)
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener of live notifications failed')
      }
    }
  }
}
