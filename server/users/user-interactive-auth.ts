/**
 * User-interactive authentication: an operation asks for proof, the client brings it stage by stage.
 *
 * A session is bound to one operation and one user, lives in memory for a quarter of an hour, and
 * remembers the first request's body, since a client may repeat only `auth`. A restart forgets all
 * sessions: the client begins anew.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 */
import { LRUCache } from 'lru-cache'
import { randomSecret } from '../kernel/clock.js'
import { forbidden, MatrixError } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import type { ValidateAddress, ValidatedAddress } from '../threepids/validate-address.js'
import type { CheckPassword } from './check-password.js'
import type { Guesser } from './password-guesses.js'
import type { RegistrationTokens } from './registration-tokens.js'

export type Stage = 'm.login.password' | 'm.login.dummy' | 'm.login.registration_token' | 'm.login.email.identity'

/** Not an error of anyone: the answer that asks for (more) proof. `http/` sends its body with 401. */
export class AuthChallenge extends Error {
  override readonly name = 'AuthChallenge'
  constructor(readonly body: Record<string, unknown>) {
    super('more authentication is needed')
  }
}

export type AuthRequest<Body> = {
  /** The operation, for instance `deleteDevices`: a session is good for one alone. */
  operation: string
  /** Whose account; undefined where there is none yet (registration). */
  userId: UserId | undefined
  flows: readonly (readonly Stage[])[]
  body: Body
  auth: Record<string, unknown> | undefined
  from: Guesser
}

export type AuthDone<Body> = {
  /** The body of the first request of the session, overlaid with this one's. */
  body: Body
  /** The registration token that was shown, where the flow has that stage. */
  registrationToken: string | undefined
  /** The address that was shown to be the user's, where the flow has that stage, and the session that showed it. */
  email: ProvenEmail | undefined
}

export type ProvenEmail = ValidatedAddress & { sid: string }

/**
 * @returns when one flow is complete; the session is then used up
 * @throws AuthChallenge while there is none; MatrixError for a session that is not known or of another operation
 */
export type RequireAuth = <Body extends object>(request: AuthRequest<Body>) => Promise<AuthDone<Body>>

type Session = {
  operation: string
  userId: UserId | undefined
  body: object
  completed: Set<Stage>
  registrationToken: string | undefined
  email: ProvenEmail | undefined
}

const sessionLifetimeMs = 15 * 60_000
const maxSessions = 10_000

type Needs = Pick<ValidateAddress, 'readValidated'> & {
  checkPassword: CheckPassword
  registrationTokens: Pick<RegistrationTokens, 'isValid'>
}

export function makeRequireAuth(needs: Needs): RequireAuth {
  const sessions = new LRUCache<string, Session>({ max: maxSessions, ttl: sessionLifetimeMs })

  /** @throws MatrixError with what is wrong with the proof */
  async function checkStage(
    stage: Stage,
    auth: Record<string, unknown>,
    session: Session,
    from: Guesser,
  ): Promise<void> {
    if (stage === 'm.login.dummy') return
    if (stage === 'm.login.password') {
      const wanted = session.userId
      if (!wanted || typeof auth.password !== 'string')
        throw new MatrixError(400, 'M_MISSING_PARAM', 'There is no password.')
      const { userId } = await needs.checkPassword(userOf(auth) ?? wanted, auth.password, from)
      if (userId !== wanted) throw new MatrixError(403, 'M_FORBIDDEN', 'That is another account.')
      return
    }
    if (stage === 'm.login.email.identity') {
      const { sid, client_secret: secret } = (auth.threepid_creds ?? auth.threepidCreds ?? {}) as Record<
        string,
        unknown
      >
      if (typeof sid !== 'string' || typeof secret !== 'string')
        throw new MatrixError(400, 'M_MISSING_PARAM', 'There are no credentials of an address.')
      session.email = { ...(await needs.readValidated({ sid, client_secret: secret })), sid }
      return
    }
    if (typeof auth.token !== 'string') throw new MatrixError(400, 'M_MISSING_PARAM', 'There is no registration token.')
    if (!(await needs.registrationTokens.isValid(auth.token)))
      throw new MatrixError(401, 'M_FORBIDDEN', 'The registration token is not valid.')
    session.registrationToken = auth.token
  }

  return async <Body extends object>(request: AuthRequest<Body>): Promise<AuthDone<Body>> => {
    const { operation, userId, flows, auth, body, from } = request
    // Its token is all the proof that an application service has, and needs, for its own users.
    if (userId !== undefined && from.requester?.appservice)
      return { body, registrationToken: undefined, email: undefined }
    const id = typeof auth?.session === 'string' ? auth.session : randomSecret()
    const known = sessions.get(id)
    if (known && (known.operation !== operation || known.userId !== userId))
      throw forbidden('That authentication session was begun for something else.')
    if (!known && auth?.session !== undefined)
      throw new MatrixError(400, 'M_UNKNOWN', 'That authentication session is not known; begin anew.')
    const session: Session = known ?? {
      ...{ operation, userId, body, completed: new Set<Stage>() },
      ...{ registrationToken: undefined, email: undefined },
    }
    sessions.set(id, session)

    const challenge = (refusal?: MatrixError) => ({
      session: id,
      flows: flows.map((stages) => ({ stages })),
      params: {},
      completed: [...session.completed],
      ...refusal?.toBody(),
    })
    const stage = flows.flat().find((offered) => offered === auth?.type)
    if (stage) {
      try {
        await checkStage(stage, auth!, session, from)
      } catch (error) {
        if (error instanceof MatrixError && error.status !== 429) throw new AuthChallenge(challenge(error))
        throw error
      }
      session.completed.add(stage)
    } else if (auth?.type !== undefined)
      throw new AuthChallenge(challenge(new MatrixError(401, 'M_UNRECOGNIZED', 'That stage is not offered.')))
    if (!flows.some((stages) => stages.every((each) => session.completed.has(each))))
      throw new AuthChallenge(challenge())

    sessions.delete(id)
    const { registrationToken, email } = session
    return { body: { ...(session.body as Body), ...body }, registrationToken, email }
  }
}

/** The user an `m.login.password` stage names: by identifier, or as older clients do. */
function userOf(auth: Record<string, unknown>): string | undefined {
  const identifier = auth.identifier as { type?: unknown; user?: unknown } | undefined
  const user = identifier?.type === 'm.id.user' ? identifier.user : auth.user
  return typeof user === 'string' ? user : undefined
}
