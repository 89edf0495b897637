/**
 * POST …/email/requestToken and …/msisdn/requestToken: mails a token to an address, for the account that is being made
 * with it, whose password is to be set anew, or which is to have it. Phone numbers are not taken: nothing here sends
 * messages to them.
 *
 * `id_server` and its token are accepted and not used, since this server confirms addresses itself.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3registeremailrequesttoken
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'
import { MatrixError } from '../../../kernel/errors.js'
import { toEmailAddress } from '../../../threepids/address.js'
import type { Purpose } from '../../../threepids/mails.js'
import { type Threepids, threepidInUse } from '../../../threepids/threepids.js'
import type { ValidateAddress } from '../../../threepids/validate-address.js'
import { SecretSchema } from './threepid-schemas.js'

type Needs = Pick<ValidateAddress, 'requestEmailToken'> & Pick<Threepids, 'findByThreepid'>

const identityServer = { id_server: Type.Optional(Type.String()), id_access_token: Type.Optional(Type.String()) }
const attempt = { client_secret: SecretSchema, send_attempt: Type.Integer(), next_link: Type.Optional(Type.String()) }
const answer = Type.Object({ sid: Type.String(), submit_url: Type.Optional(Type.String()) })

const emailEndpoint = (operationId: string, path: string, purpose: Purpose) =>
  defineEndpoint({
    operationId,
    method: 'POST',
    path: `/_matrix/client/v3/${path}/email/requestToken`,
    auth: 'none',
    rateLimit: 'registration',
    body: Type.Object({ ...identityServer, ...attempt, email: Type.String() }),
    response: answer,
    errors: [
      'M_INVALID_PARAM',
      'M_THREEPID_IN_USE',
      'M_THREEPID_NOT_FOUND',
      'M_THREEPID_MEDIUM_NOT_SUPPORTED',
      'M_UNKNOWN',
    ],
    async handle({ body }, hs: Needs) {
      const address = toEmailAddress(body.email)
      const owner = await hs.findByThreepid('email', address)
      if (purpose === 'reset-password' && owner === undefined)
        throw new MatrixError(400, 'M_THREEPID_NOT_FOUND', 'No account here has that address.')
      if (purpose !== 'reset-password' && owner !== undefined) throw threepidInUse()
      const sid = await hs.requestEmailToken({
        ...{ purpose, address, clientSecret: body.client_secret, sendAttempt: body.send_attempt },
        nextLink: body.next_link,
      })
      return { sid }
    },
  })

const msisdnEndpoint = (operationId: string, path: string) =>
  defineEndpoint({
    operationId,
    method: 'POST',
    path: `/_matrix/client/v3/${path}/msisdn/requestToken`,
    auth: 'none',
    rateLimit: 'registration',
    body: Type.Object({ ...identityServer, ...attempt, country: Type.String(), phone_number: Type.String() }),
    response: answer,
    errors: ['M_THREEPID_MEDIUM_NOT_SUPPORTED'],
    handle() {
      throw new MatrixError(400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server does not take phone numbers.')
    },
  })

export const requestTokenToRegisterEmailEndpoint = emailEndpoint('requestTokenToRegisterEmail', 'register', 'register')
export const requestTokenToResetPasswordEmailEndpoint = emailEndpoint(
  'requestTokenToResetPasswordEmail',
  'account/password',
  'reset-password',
)
export const requestTokenTo3PIDEmailEndpoint = emailEndpoint('requestTokenTo3PIDEmail', 'account/3pid', 'add')
export const requestTokenToRegisterMSISDNEndpoint = msisdnEndpoint('requestTokenToRegisterMSISDN', 'register')
export const requestTokenToResetPasswordMSISDNEndpoint = msisdnEndpoint(
  'requestTokenToResetPasswordMSISDN',
  'account/password',
)
export const requestTokenTo3PIDMSISDNEndpoint = msisdnEndpoint('requestTokenTo3PIDMSISDN', 'account/3pid')
