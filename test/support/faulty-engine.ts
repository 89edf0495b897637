/**
 * An engine that is told how a transaction ends: the real one, with its commits held, failed or lost on request.
 */
import type { Logger } from '../../server/kernel/logger.js'
import { type Engine, openEngine } from '../../server/store/engine.js'
import { codec } from '../../server/store/rpc.js'

export type Fault = {
  before?: () => void
} /** It is carried out, and then answered as if the log could not be synced. */ & (
  | { kind: 'io-error'; message: string }
  /** It is never answered. */
  | { kind: 'hang' }
  /** The call itself fails, after it was carried out. */
  | { kind: 'lost'; error: Error }
)

export type FaultyEngine = {
  open(url: string, logger: Logger): Promise<Engine>
  /** Befalls the next `BEGIN … COMMIT` query. */
  next(fault: Fault): void
  /** Sizes of all `BEGIN … COMMIT` queries so far, in bytes of their request. */
  readonly transactions: number[]
}

export function makeFaultyEngine(): FaultyEngine {
  let fault: Fault | undefined
  const transactions: number[] = []
  return {
    transactions,
    next(given) {
      fault = given
    },
    async open(url, logger) {
      const engine = await openEngine(url, logger)
      return {
        ...{ onNotification: engine.onNotification.bind(engine), closed: engine.closed, close: () => engine.close() },
        async execute(request) {
          const isTransaction = Buffer.from(request).includes('BEGIN;')
          if (isTransaction) transactions.push(request.length)
          if (!fault || !isTransaction) return engine.execute(request)
          const befalls = fault
          fault = undefined
          befalls.before?.()
          if (befalls.kind === 'hang') return new Promise(() => {})
          await engine.execute(request)
          if (befalls.kind === 'lost') throw befalls.error
          return codec.encode([{ status: 'ERR', result: befalls.message, kind: 'Internal', time: '1ms' }])
        },
      }
    },
  }
}
