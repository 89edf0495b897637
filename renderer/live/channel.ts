/** A channel to the database: opened and authenticated, its token renewed before it runs out, and watched for silence. */
import { Surreal } from 'surrealdb'
import type { LiveChannel } from '../platform/bridge.js'
import type { LiveToken } from '../platform/matrix/account.js'
import { timerMs } from '../platform/timer-ms.js'
import { ChannelLostError, type Closed } from './outcome.js'
import { PortEngine } from './port-engine.js'

export type Open = { db: Surreal; engine: PortEngine; closed: Promise<Closed>; lose: (closed: Closed) => void }

const pingEveryMs = 30_000
const pingTimeoutMs = 8_000

/** A channel that is open and authenticated. @throws ChannelLostError where it closes before it is */
export async function openChannel(connectLive: () => Promise<LiveChannel>, token: LiveToken): Promise<Open> {
  const channel = await connectLive()
  let engine: PortEngine | undefined
  let lose: (closed: Closed) => void = () => undefined
  const closed = new Promise<Closed>((resolve) => {
    lose = (given) => {
      engine?.closed()
      resolve(given)
    }
    channel.onClose((code, reason) => lose({ code, reason }))
  })
  const db = new Surreal({
    engines: {
      hearth: (context) => {
        engine = new PortEngine(context, channel)
        return engine
      },
    },
  })
  const ready = db
    .connect('hearth://live', { namespace: token.namespace, database: token.database, versionCheck: false })
    .then(() => db.authenticate(token.token))
  const early = await Promise.race([ready.then(() => undefined), closed])
  if (early) throw new ChannelLostError(early)
  return { db, engine: engine!, closed, lose }
}

/** Renews the token on the same channel, until the channel is lost. */
export function keepFresh({ renew, token }: { token: LiveToken; renew: () => Promise<LiveToken> }): () => void {
  let timer: ReturnType<typeof setTimeout>
  const plan = (inMs: number) => {
    timer = setTimeout(async () => {
      try {
        const next = await renew()
        plan(next.expires_in_ms * 0.75)
      } catch {
        plan(20_000) // if it never works the server closes with 4401
      }
    }, timerMs(inMs))
  }
  plan(token.expires_in_ms * 0.75)
  return () => clearTimeout(timer)
}

/** A channel that answers no ping is dead, whatever its socket says. */
export function keepAlive(on: Open, onResumed: (handler: () => void) => () => void): () => void {
  const check = async () => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), pingTimeoutMs)
    })
    const answer = await Promise.race([on.engine.send({ method: 'ping' }).catch(() => 'answered'), timeout])
    clearTimeout(timer)
    if (answer === 'late') {
      void on.engine.close()
      on.lose({ code: 1006, reason: 'no answer' })
    }
  }
  const timer = setInterval(check, pingEveryMs)
  const stop = onResumed(() => void check())
  return () => {
    clearInterval(timer)
    stop()
  }
}

/** The `sid` claim; the token is the server's own, so nothing is verified here. */
export function readSid(jwt: string): string | undefined {
  try {
    const payload = jwt.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/')
    const claims = JSON.parse(atob(payload)) as { sid?: unknown }
    return typeof claims.sid === 'string' ? claims.sid : undefined
  } catch {
    return undefined
  }
}
