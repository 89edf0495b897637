/** Coming in by an invitation: what it is to, whether a name is free, and the account. */
import { MatrixRequestError, ServerUnreachableError } from './errors.js'
import type { MatrixHttp } from './http.js'
import { logIn, register } from './login.js'
import type { LoginSession } from './login-session.js'

export type Invitation = {
  server_name: string
  inviter: { user_id: string; displayname?: string }
  /** ms since the epoch */
  expires_ts?: number
  rooms: { room_id: string; name?: string }[]
}

/** @throws MatrixRequestError `M_NOT_FOUND` for one that is not good any more */
export const readInvitation = (http: MatrixHttp, token: string) =>
  http.request<Invitation>('POST', '/_hearth/client/v1/invitation', { isPublic: true, body: { token } })

/** @returns undefined where the server does not say (too many questions, no answer) */
export async function isNameFree(
  http: MatrixHttp,
  username: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  try {
    await http.request('GET', '/_matrix/client/v3/register/available', { isPublic: true, query: { username }, signal })
    return true
  } catch (error) {
    return error instanceof MatrixRequestError && error.status === 400 ? false : undefined
  }
}

/** A user name from what somebody is called: "Oma Inge" → "oma-inge"; empty where nothing of it can be used. */
export const usernameFrom = (name: string) =>
  name
    .trim()
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/ß/g, 'ss')
    .toLowerCase()
    .replace(/[^a-z0-9._=/+-]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, 60)

export type Newcomer = { username: string; password: string; token: string; deviceName: string }

/**
 * Makes the account. Where the answer was lost the account may be there already, and the invitation used up: who asks
 * again with the same name and password is let in.
 *
 * @param isAgain the same was tried before and no answer came
 */
export async function comeIn(http: MatrixHttp, newcomer: Newcomer, isAgain: boolean): Promise<LoginSession> {
  const { username, password, token, deviceName } = newcomer
  const known = isAgain && (await logIn(http, username, password, deviceName).catch(onlyRefusal))
  return known || register(http, { username, password, token, deviceName })
}

function onlyRefusal(error: unknown): undefined {
  if (error instanceof ServerUnreachableError) throw error
}
