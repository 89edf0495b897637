/**
 * POST /_matrix/client/v3/register (operationId `register`)
 *
 * Makes an account, where this server lets people do that or an invitation is shown, and logs it in unless asked not
 * to. Whoever was invited is in the rooms of the invitation when they are answered.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3register
 */

import type { Static } from 'typebox'
import { Type } from 'typebox'
import type { Appservice } from '../../../appservices/appservices.js'
import type { OwnUsers } from '../../../appservices/own-users.js'
import { accessTokenOf } from '../../../http/access-token.js'
import { defineEndpoint } from '../../../http/endpoint.js'
import { randomId } from '../../../kernel/clock.js'
import { invalidParam, MatrixError, missingParam } from '../../../kernel/errors.js'
import { DeviceIdSchema, type UserId, UserIdSchema } from '../../../kernel/identifiers.js'
import type { Threepids } from '../../../threepids/threepids.js'
import type { Invitations } from '../../../users/invitations.js'
import type { BeginSession } from '../../../users/login-sessions.js'
import type { Registration } from '../../../users/register-user.js'
import { type RegistrationPolicy, registrationClosed } from '../../../users/registration-policy.js'
import type { RegistrationTokens } from '../../../users/registration-tokens.js'
import type { RequireAuth } from '../../../users/user-interactive-auth.js'
import { DeviceNameSchema } from '../device-management/device-schema.js'

type Needs = Registration &
  Pick<OwnUsers, 'requireAppservice' | 'checkOwnName' | 'checkFreeName'> & {
    registrationPolicy: RegistrationPolicy
    registrationTokens: Pick<RegistrationTokens, 'writesForUse'>
    requireAuth: RequireAuth
    checkFree: Threepids['checkFree']
    writesForAccount: Threepids['writesForAccount']
    enterRooms: Invitations['enterRooms']
    beginSession: BeginSession
  }

const appserviceLogin = 'm.login.application_service'

const BodySchema = Type.Object({
  /** Of an application service: `m.login.application_service`. */
  type: Type.Optional(Type.String()),
  auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  username: Type.Optional(Type.String()),
  password: Type.Optional(Type.String()),
  device_id: Type.Optional(DeviceIdSchema),
  initial_device_display_name: Type.Optional(DeviceNameSchema),
  inhibit_login: Type.Optional(Type.Boolean()),
  refresh_token: Type.Optional(Type.Boolean()),
  /** Of a guest of this server, who keeps name and rooms and becomes a user. */
  guest_access_token: Type.Optional(Type.String()),
})
type Body = Omit<Static<typeof BodySchema>, 'auth' | 'type'>

export const registerEndpoint = defineEndpoint({
  operationId: 'register',
  method: 'POST',
  path: '/_matrix/client/v3/register',
  auth: 'none',
  rateLimit: 'registration',
  query: Type.Object({ kind: Type.Optional(Type.String()), access_token: Type.Optional(Type.String()) }),
  body: BodySchema,
  response: Type.Object({
    user_id: UserIdSchema,
    access_token: Type.Optional(Type.String()),
    device_id: Type.Optional(Type.String()),
    refresh_token: Type.Optional(Type.String()),
    expires_in_ms: Type.Optional(Type.Integer()),
  }),
  errors: [
    'M_FORBIDDEN',
    'M_GUEST_ACCESS_FORBIDDEN',
    'M_USER_IN_USE',
    'M_INVALID_USERNAME',
    'M_WEAK_PASSWORD',
    'M_INVALID_PARAM',
    'M_MISSING_PARAM',
    'M_THREEPID_IN_USE',
    'M_EXCLUSIVE',
    'M_MISSING_TOKEN',
    'M_UNKNOWN_TOKEN',
  ],
  async handle({ query, body: { auth, type, ...given }, ip, isLoopback, headers }, hs: Needs) {
    const kind = query.kind ?? 'user'
    if (type === appserviceLogin) {
      const service = hs.requireAppservice(accessTokenOf(headers.authorization, query))
      return registerOwnUser(service, given, hs)
    }
    if (kind === 'guest') return registerGuest(given, hs)
    if (kind !== 'user') throw invalidParam('kind is user or guest.')
    const flows = await hs.registrationPolicy.readFlows()
    // A client that lost the answer asks again with the session that it completed. Nothing is awaited in between.
    const session = typeof auth?.session === 'string' ? auth.session : undefined
    const answered = hs.registeredBy(session)
    if (answered) return answered as Promise<RegisterAnswer>
    if (flows.length === 0) throw registrationClosed()
    // Before anyone proves anything: they may have to choose another name.
    if (given.username !== undefined) hs.checkFreeName(given.username)
    const isNew = given.guest_access_token === undefined
    if (isNew && given.username !== undefined && auth?.session === undefined) await hs.checkAvailable(given.username)
    const { body, registrationToken, email } = await hs.requireAuth({
      operation: 'register',
      userId: undefined,
      flows,
      body: given,
      auth,
      from: { ip, isLoopback },
    })
    const { username, password, guest_access_token: guestToken } = body
    if (password === undefined) throw missingParam('There is no password.')
    return hs.registerOnce(session, async () => {
      if (email) await hs.checkFree(email)
      const used =
        registrationToken === undefined ? undefined : await hs.registrationTokens.writesForUse(registrationToken)
      const writes =
        used || email
          ? (userId: UserId) => [
              ...(used?.(userId) ?? []),
              ...(email ? hs.writesForAccount(userId, email, email.sid) : []),
            ]
          : undefined
      const account = { password, ...(writes && { writes }) }
      const userId =
        guestToken === undefined
          ? await hs.registerUser({ localpart: username ?? randomId(12).toLowerCase(), ...account })
          : await hs.upgradeGuest({ guestToken, localpart: username, ip, ...account })
      if (registrationToken !== undefined) await hs.enterRooms(userId)
      return logIn(userId, body, hs)
    })
  },
})

/** A user in the namespace of an application service, without proof: its token is that. */
async function registerOwnUser(service: Appservice, body: Body, hs: Needs) {
  if (body.username === undefined) throw missingParam('There is no username.')
  hs.checkOwnName(service, body.username)
  return logIn(await hs.registerUser({ localpart: body.username, kind: 'service' }), body, hs)
}

async function registerGuest(body: Body, hs: Needs) {
  if (!hs.registrationPolicy.guests)
    throw new MatrixError(403, 'M_GUEST_ACCESS_FORBIDDEN', 'This server has no guests.')
  // A guest's device ID is the server's choice.
  return logIn(await hs.registerGuest(), { ...body, device_id: undefined, inhibit_login: false }, hs)
}

type RegisterAnswer = Awaited<ReturnType<typeof logIn>>

async function logIn(userId: UserId, body: Body, hs: Needs) {
  if (body.inhibit_login) return { user_id: userId }
  const session = await hs.beginSession({
    userId,
    deviceId: body.device_id,
    deviceName: body.initial_device_display_name,
    withRefreshToken: body.refresh_token ?? false,
  })
  return {
    user_id: userId,
    access_token: session.accessToken,
    device_id: session.deviceId,
    refresh_token: session.refreshToken,
    expires_in_ms: session.expiresInMs,
  }
}
