/** The answers of the first run: their rules, and the request that settles them. */
import { t } from '../../i18n/index.js'
import { MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { LoginSession } from '../../platform/matrix/login-session.js'
import { forgetSetupSecret, setupSecretHeader } from '../../platform/setup-secret.js'

export type Answers = {
  username: string
  serverName: string
  password: string
  federation: 'local' | 'federated'
}

/** Without `data_dir` this page may not answer: it was not opened at the address that the server gave out. */
export type SetupState = { state: 'needed' | 'done'; server_name?: string; data_dir?: string }
export type Step = 'who' | 'reach' | 'place'
export type Problems = Partial<Record<'username' | 'serverName' | 'password', string>>

const path = '/_hearth/client/v1/onboarding'
const shortestPassword = 8
/** The user in whose name the server speaks. */
const reservedName = 'hearth'

/** Spec: https://spec.matrix.org/v1.19/appendices/#server-name */
const serverNamePattern = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?)(?::[0-9]{1,5})?$/i
/** Spec: https://spec.matrix.org/v1.19/appendices/#user-identifiers */
const localpartPattern = /^[a-z0-9._=\-/+]+$/

export const cleanUsername = (text: string) => text.trim().toLowerCase().replace(/^@/, '')
export const cleanServerName = (text: string) => text.trim().toLowerCase()

/** What keeps the first question from being answered; empty when nothing does. */
export function checkWho({ username, serverName, password }: Answers): Problems {
  const [name, server] = [cleanUsername(username), cleanServerName(serverName)]
  const problems: Problems = {}
  if (!name) problems.username = t('setup.who.needUser')
  else if (name === reservedName) problems.username = t('setup.who.reserved', { name })
  else if (!localpartPattern.test(name)) problems.username = t('error.M_INVALID_USERNAME')
  if (!server) problems.serverName = t('setup.who.needServer')
  else if (!serverNamePattern.test(server)) problems.serverName = t('setup.who.badServer')
  if ([...password].length < shortestPassword) problems.password = t('register.tooShort')
  return problems
}

const homeDomains =
  /(?:^|\.)(?:local|localhost|localdomain|lan|home|internal|intranet|test|invalid|example|home\.arpa)$/

/** Whether other servers could look this name up: a domain name of the public kind. */
export function canBeFound(serverName: string): boolean {
  const name = cleanServerName(serverName).replace(/:[0-9]+$/, '')
  return /\.[a-z][a-z0-9-]*$/.test(name) && !homeDomains.test(name)
}

export const readSetup = (http: MatrixHttp) =>
  http.request<SetupState>('GET', path, { isPublic: true, headers: setupSecretHeader() })

type SetupAnswer = { user_id: string; access_token: string; device_id: string; notes_room_id?: string }

/** Sets the server up. @returns the login session, and the Notes room where there is one */
export async function sendAnswers(
  http: MatrixHttp,
  { username, serverName, password, federation }: Answers,
): Promise<{ session: LoginSession; notesRoomId: string | undefined }> {
  const answer = await http.request<SetupAnswer>('POST', path, {
    isPublic: true,
    headers: setupSecretHeader(),
    body: { username: cleanUsername(username), server_name: cleanServerName(serverName), password, federation },
  })
  forgetSetupSecret()
  const session = { userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token }
  return { session, notesRoomId: answer.notes_room_id }
}

/** The question to go back to when the server refuses an answer; undefined when no answer of it was wrong. */
export function stepOfRefusal(error: unknown): Step | undefined {
  if (!(error instanceof MatrixRequestError)) return undefined
  const ofWho = ['M_INVALID_USERNAME', 'M_USER_IN_USE', 'M_WEAK_PASSWORD', 'M_INVALID_PARAM', 'M_BAD_JSON']
  return ofWho.includes(error.errcode) ? 'who' : undefined
}
