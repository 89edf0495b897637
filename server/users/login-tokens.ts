/**
 * Tokens that log a further device in: a user who has proved who they are hands one to it.
 *
 * Each is good once, for two minutes, and only while the session that asked for it lives and the password is the one
 * of then. They are kept in memory: after a restart the user asks for another.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv1loginget_token
 */
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { forbidden } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { readPasswordHash } from '../store/user-store.js'
import { credentialOf } from './check-password.js'
import type { LoginSessions } from './login-sessions.js'
import { hashToken, newToken } from './tokens.js'

const lifetimeMs = 2 * 60_000
const maxTokens = 10_000

export type LoginTokens = {
  issueLoginToken(requester: { userId: UserId; sid: string }): Promise<{ token: string; expiresInMs: number }>
  /** Whose it is, and uses it up. @throws MatrixError 403 `M_FORBIDDEN` for one that is not known, spent or too old */
  spendLoginToken(token: string): { userId: UserId; credential: string | undefined }
}

type Issued = { userId: UserId; sid: string; credential: string | undefined; expiresAt: number }
type Needs = { db: Reader; clock: Clock; sessions: Pick<LoginSessions, 'onSessionEnded'> }

export function makeLoginTokens({ db, clock, sessions }: Needs): LoginTokens {
  const issued = new LRUCache<string, Issued>({ max: maxTokens })
  sessions.onSessionEnded((sid) => {
    for (const [hash, token] of issued) if (token.sid === sid) issued.delete(hash)
  })
  return {
    async issueLoginToken({ userId, sid }) {
      const password = await readPasswordHash(db, userId)
      const credential = password === undefined ? undefined : credentialOf(password)
      const { token, hash } = newToken('login')
      issued.set(hash, { userId, sid, credential, expiresAt: clock.elapsed() + lifetimeMs })
      return { token, expiresInMs: lifetimeMs }
    },
    spendLoginToken(token) {
      const hash = hashToken(token)
      const found = issued.get(hash)
      issued.delete(hash)
      if (!found || found.expiresAt <= clock.elapsed()) throw forbidden('That login token is not good any more.')
      return { userId: found.userId, credential: found.credential }
    },
  }
}
