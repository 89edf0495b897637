/**
 * Signing in, registering and signing out.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#login,
 *       https://spec.matrix.org/v1.19/client-server-api/#legacy-account-registration
 */
import { MatrixRequestError } from './errors.js'
import { type MatrixHttp, tokensOf } from './http.js'
import type { LoginSession } from './login-session.js'

type LoginAnswer = {
  user_id: string
  device_id: string
  access_token: string
  refresh_token?: string
  expires_in_ms?: number
}

const sessionOf = (body: LoginAnswer): LoginSession => ({
  userId: body.user_id,
  deviceId: body.device_id,
  ...tokensOf(body),
})

export async function readLoginFlows(http: MatrixHttp): Promise<string[]> {
  const { flows } = await http.request<{ flows: { type: string }[] }>('GET', '/_matrix/client/v3/login', {
    isPublic: true,
  })
  return flows.map((flow) => flow.type)
}

/** @param user a localpart or a whole user ID */
export async function logIn(
  http: MatrixHttp,
  user: string,
  password: string,
  deviceName: string,
): Promise<LoginSession> {
  const body = await http.request<LoginAnswer>('POST', '/_matrix/client/v3/login', {
    isPublic: true,
    body: {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user },
      password,
      initial_device_display_name: deviceName,
      refresh_token: true,
    },
  })
  return sessionOf(body)
}

export type Registration = { username: string; password: string; deviceName: string; token?: string }
type Stage = 'm.login.dummy' | 'm.login.registration_token'
type Flows = { session?: string; flows?: { stages: string[] }[]; completed?: string[] }

/** Which stages a new account needs; undefined when the server takes none. */
export async function readRegistrationStages(http: MatrixHttp): Promise<Stage[] | undefined> {
  try {
    await http.request('POST', '/_matrix/client/v3/register', { isPublic: true, body: {} })
  } catch (error) {
    if (error instanceof MatrixRequestError && error.status === 401) return easiestFlow(error.body, false)
    if (error instanceof MatrixRequestError && error.status < 500) return undefined
    throw error
  }
  return undefined
}

/** Registers, going through the stages the server asks for that need nothing but what we have. */
export async function register(http: MatrixHttp, wanted: Registration): Promise<LoginSession> {
  const body = {
    username: wanted.username,
    password: wanted.password,
    initial_device_display_name: wanted.deviceName,
    refresh_token: true,
  }
  const post = (auth?: Record<string, unknown>) =>
    http.request<LoginAnswer>('POST', '/_matrix/client/v3/register', {
      isPublic: true,
      body: auth ? { ...body, auth } : body,
    })
  let auth: Record<string, unknown> | undefined
  for (let round = 0; round < 4; round++) {
    try {
      return sessionOf(await post(auth))
    } catch (error) {
      if (!(error instanceof MatrixRequestError) || error.status !== 401 || !error.body.session) throw error
      if (error.errcode !== 'M_UNKNOWN') throw error // the stage was tried and refused
      const done = (error.body as Flows).completed ?? []
      const stage = easiestFlow(error.body, wanted.token !== undefined)?.find((each) => !done.includes(each))
      if (!stage) throw error
      auth = { type: stage, session: error.body.session, ...(wanted.token ? { token: wanted.token } : {}) }
    }
  }
  throw new MatrixRequestError(401, 'M_FORBIDDEN', 'the server kept asking for more', undefined, {})
}

/** @param withToken there is a token to show: it may open more than the account */
function easiestFlow(body: Record<string, unknown>, withToken: boolean): Stage[] | undefined {
  const fits = (stages: Stage[]) => stages.includes('m.login.registration_token') === withToken

  const known = (stages: string[]): stages is Stage[] =>
    stages.every((stage) => stage === 'm.login.dummy' || stage === 'm.login.registration_token')
  const flows = (body as Flows).flows ?? []
  return flows
    .map((flow) => flow.stages)
    .filter(known)
    .sort((a, b) => Number(fits(b)) - Number(fits(a)) || a.length - b.length)[0]
}

export const logOut = (http: MatrixHttp) => http.request('POST', '/_matrix/client/v3/logout', { body: {} })
