/**
 * What the machine wants to have sent: keys, questions for keys, messages to devices.
 *
 * One run at a time; what fails for now is tried again with growing patience, what the server refuses waits for the next
 * occasion, so that nothing spins.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
 */
import { type OlmMachine, RequestType } from '@matrix-org/matrix-sdk-crypto-wasm'
import { isTemporary, MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import { timerMs } from '../../platform/timer-ms.js'

export type Sendable = {
  readonly id?: string | undefined
  readonly type?: RequestType
  readonly body: string
  readonly event_type?: string
  readonly txn_id?: string
  readonly room_id?: string
  readonly version?: string
}

export type Requests = {
  /** Sends one and tells the machine what came back. @throws what the server refuses, or that it does not answer */
  send(request: Sendable): Promise<void>
  /** Sends all that waits now. @throws as `send` does, after all were tried */
  flush(): Promise<void>
  /** Sends all that waits, now and again until it is gone. */
  wake(): void
  stop(): void
}

const firstWaitMs = 1_000
const longestWaitMs = 60_000
const part = encodeURIComponent
const base = '/_matrix/client/v3'

function placeOf(request: Sendable): { method: string; path: string; query?: Record<string, string> } {
  switch (request.type) {
    case RequestType.KeysUpload:
      return { method: 'POST', path: `${base}/keys/upload` }
    case RequestType.KeysQuery:
      return { method: 'POST', path: `${base}/keys/query` }
    case RequestType.KeysClaim:
      return { method: 'POST', path: `${base}/keys/claim` }
    case RequestType.SignatureUpload:
      return { method: 'POST', path: `${base}/keys/signatures/upload` }
    case RequestType.ToDevice:
      return { method: 'PUT', path: `${base}/sendToDevice/${part(request.event_type!)}/${part(request.txn_id!)}` }
    case RequestType.RoomMessage:
      return {
        method: 'PUT',
        path: `${base}/rooms/${part(request.room_id!)}/send/${part(request.event_type!)}/${part(request.txn_id!)}`,
      }
    case RequestType.KeysBackup:
      return { method: 'PUT', path: `${base}/room_keys/keys`, query: { version: request.version! } }
    default:
      throw new Error('a request of no known kind')
  }
}

export function makeRequests(machine: OlmMachine, http: MatrixHttp): Requests {
  let running: Promise<void> | undefined
  let isAskedAgain = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let waitMs = firstWaitMs
  let isStopped = false

  async function send(request: Sendable): Promise<void> {
    const { method, path, query } = placeOf(request)
    const body: unknown = JSON.parse(request.body)
    const answer = await http.request(method, path, { body, ...(query ? { query } : {}) })
    if (request.id !== undefined && !isStopped)
      await machine.markRequestAsSent(request.id, request.type!, JSON.stringify(answer))
  }

  /** What comes of an answer may want to be sent too: goes on until nothing new is there. */
  async function sendAll(): Promise<void> {
    const tried = new Set<string>()
    let failure: unknown
    for (;;) {
      if (isStopped) return
      const waiting = (await machine.outgoingRequests()) as unknown as Sendable[]
      const fresh = waiting.filter(({ id }) => !tried.has(id!))
      if (fresh.length === 0) break
      for (const request of fresh) {
        tried.add(request.id!)
        await send(request).catch((error: unknown) => {
          failure ??= error
        })
      }
    }
    if (failure !== undefined) throw failure
  }

  /** Who comes while it runs is served by a further run: what they wait for may have come up after it looked. */
  function flush(): Promise<void> {
    if (running) {
      isAskedAgain = true
      return running
    }
    running = (async () => {
      try {
        do {
          isAskedAgain = false
          await sendAll()
        } while (isAskedAgain)
        waitMs = firstWaitMs
      } finally {
        running = undefined
      }
    })()
    return running
  }

  function wake(): void {
    if (isStopped) return
    clearTimeout(timer)
    flush().catch((error: unknown) => {
      if (isStopped) return
      if (!isTemporary(error)) return console.warn('the server refused a request of the encryption', describe(error))
      const asked = error instanceof MatrixRequestError ? error.retryAfterMs : undefined
      timer = setTimeout(wake, timerMs(asked ?? waitMs))
      waitMs = Math.min(2 * waitMs, longestWaitMs)
    })
  }

  return {
    send,
    flush,
    wake,
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

const describe = (error: unknown) =>
  error instanceof MatrixRequestError ? `${error.status} ${error.errcode}` : String(error)
