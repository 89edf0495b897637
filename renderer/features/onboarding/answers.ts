/** The answers of the first run: their rules, and the request that settles them. */
import { t } from '../../i18n/index.js'
import { forgetSecret, setupSecretHeader } from '../../platform/address-secrets.js'
import { MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { LoginSession } from '../../platform/matrix/login-session.js'
import { checkNewPassword } from '../../ui/password-strength.js'

export type Answers = {
  username: string
  serverName: string
  password: string
  federation: 'local' | 'federated'
}

/** Without `data_dir` this page may not answer: it was not opened at the address that the server gave out. */
export type SetupState = { state: 'needed' | 'done'; server_name?: string; data_dir?: string }
export type Step = 'name' | 'server' | 'password' | 'reach' | 'ready'
export type Problems = Partial<Record<'username' | 'serverName' | 'password', string | undefined>>
export type StepProps = { answers: Answers; problems: Problems; onChange: (changes: Partial<Answers>) => void }

const path = '/_hearth/client/v1/onboarding'
/** The user in whose name the server speaks. */
const reservedName = 'hearth'

/** Spec: https://spec.matrix.org/v1.19/appendices/#server-name */
const serverNamePattern = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?)(?::[0-9]{1,5})?$/i
/** Spec: https://spec.matrix.org/v1.19/appendices/#user-identifiers */
const localpartPattern = /^[a-z0-9._=\-/+]+$/

export const cleanUsername = (text: string) => text.trim().toLowerCase().replace(/^@/, '')
export const cleanServerName = (text: string) => text.trim().toLowerCase()

/** What keeps a question from being answered; empty when nothing does. */
export function checkStep(step: Step, answers: Answers): Problems {
  const [name, server] = [cleanUsername(answers.username), cleanServerName(answers.serverName)]
  const found: Partial<Record<Step, Problems>> = {
    name: { username: problemOfName(name) },
    server: { serverName: problemOfServer(server) },
    password: { password: checkNewPassword(answers.password, [name, server]) },
  }
  return Object.fromEntries(Object.entries(found[step] ?? {}).filter(([, problem]) => problem !== undefined))
}

function problemOfName(name: string): string | undefined {
  if (!name) return t('setup.name.need')
  if (name === reservedName) return t('setup.name.reserved', { name })
  return localpartPattern.test(name) ? undefined : t('error.M_INVALID_USERNAME')
}

function problemOfServer(server: string): string | undefined {
  if (!server) return t('setup.server.need')
  return serverNamePattern.test(server) ? undefined : t('setup.server.bad')
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
  forgetSecret('setup')
  const session = { userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token }
  return { session, notesRoomId: answer.notes_room_id }
}

/** The question to go back to when the server refuses an answer; undefined when no answer of it was wrong. */
export function stepOfRefusal(error: unknown): Step | undefined {
  if (!(error instanceof MatrixRequestError)) return undefined
  const questions: Readonly<Record<string, Step>> = {
    M_INVALID_USERNAME: 'name',
    M_USER_IN_USE: 'name',
    M_WEAK_PASSWORD: 'password',
    M_INVALID_PARAM: 'server',
    M_BAD_JSON: 'server',
  }
  return questions[error.errcode]
}
