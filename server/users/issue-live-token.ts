/**
 * Gives a logged-in user a token for reading the database live (S1). Guests get none.
 */
import { readAccessToken } from '../store/login-session-store.js'
import type { Reader } from '../store/reader.js'
import type { Requester } from './requester.js'

type LiveToken = { token: string; expiresAtMs: number }

export type IssueLiveToken = (requester: Requester) => Promise<LiveToken>

type Needs = {
  db: Reader
  issueToken(subject: {
    userId: Requester['userId']
    deviceId: Requester['deviceId']
    sid: string
    accessTokenHash: string
    refreshTokenHash?: string
  }): Promise<LiveToken>
}

export const makeIssueLiveToken =
  ({ db, issueToken }: Needs): IssueLiveToken =>
  async ({ userId, deviceId, sid, tokenHash }) => {
    const facts = await readAccessToken(db, tokenHash)
    const refresh = facts?.refresh_hash
    return issueToken({
      userId,
      deviceId,
      sid,
      accessTokenHash: tokenHash,
      ...(refresh && { refreshTokenHash: refresh }),
    })
  }
