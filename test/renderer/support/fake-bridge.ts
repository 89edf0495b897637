/**
 * The server's end of live channels, for tests of the connection: it answers the SDK's RPC, keeps the
 * live queries of each channel, and loses channels with any close code.
 */
import { CborCodec, RecordId, Uuid } from 'surrealdb'
import type { LiveChannel } from '../../../renderer/platform/bridge.js'

type Request = { id: string; method: string; params?: unknown[] }
const codec = new CborCodec({})

export function makeFakeBridge() {
  const channels: FakeChannel[] = []
  let refusal: Error | undefined
  let refused: { pattern: RegExp; code: number } | undefined

  class FakeChannel {
    readonly requests: Request[] = []
    readonly queries: string[] = []
    /** LIVE statement by id. */
    readonly live = new Map<string, string>()
    isSilent = false
    #frame: ((bytes: Uint8Array) => void) | undefined
    #closed: ((code: number, reason: string) => void) | undefined
    #isClosed = false

    readonly end: LiveChannel = {
      post: (bytes) => queueMicrotask(() => this.#answer(codec.decode(bytes) as Request)),
      onMessage: (handler) => {
        this.#frame = handler
      },
      onClose: (handler) => {
        this.#closed = handler
      },
      close: () => this.lose(1000),
    }

    lose(code: number): void {
      if (this.#isClosed) return
      this.#isClosed = true
      this.#closed?.(code, '')
    }

    notify(statement: string, action: string, row: Record<string, unknown>): void {
      for (const [id, sql] of this.live)
        if (sql === statement)
          this.#send({ result: { id: new Uuid(id), action, record: new RecordId('t', 1), result: row } })
    }

    #send(frame: unknown): void {
      if (!this.#isClosed) this.#frame?.(new Uint8Array(codec.encode(frame)))
    }

    #answer(request: Request): void {
      if (this.isSilent) return
      this.requests.push(request)
      const { id, method } = request
      if (method !== 'query') {
        this.#send({ id, result: method === 'version' ? 'surrealdb-3.0.2' : null })
        return
      }
      const [sql, bindings] = request.params as [string, Record<string, unknown>]
      this.queries.push(sql)
      this.#send(
        refused?.pattern.test(sql)
          ? { id, error: { code: refused.code, message: 'This query is not allowed.' } }
          : { id, result: sql.split('; ').map((statement) => this.#run(statement, bindings)) },
      )
    }

    #run(statement: string, bindings: Record<string, unknown>) {
      const ok = (type: string, result: unknown) => ({ status: 'OK', time: '1ms', type, result })
      if (statement.startsWith('KILL')) {
        this.live.delete(String(bindings[statement.slice('KILL $'.length)]))
        return ok('kill', null)
      }
      if (!statement.startsWith('LIVE')) return ok('other', [{ of: statement }])
      const id = Uuid.v4()
      this.live.set(id.toString(), statement)
      return ok('live', id)
    }
  }

  return {
    channels,
    last: () => channels.at(-1)!,
    connectLive: async () => {
      if (refusal) throw refusal
      const channel = new FakeChannel()
      channels.push(channel)
      return channel.end
    },
    /** From now on no channel is to be had; undefined ends that. */
    refuseChannels(error: Error | undefined) {
      refusal = error
    },
    /** Queries that match are refused whole, as the bridge does; without a pattern none are. */
    refuseQueries(pattern?: RegExp, code = -32000) {
      refused = pattern && { pattern, code }
    },
  }
}
