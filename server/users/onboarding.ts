/**
 * Onboarding: from an empty data directory to an administrator who can chat.
 *
 * The server name is settled first and for good; the rest of the server is started with it; then
 * come the account and its Notes room. Whoever is cut off in between begins again: only the
 * account closes the door.
 */
import { randomSecret } from '../kernel/clock.js'
import { forbidden, invalidParam, MatrixError } from '../kernel/errors.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { BeginSession, NewSession } from './login-sessions.js'
import type { RegisterUser } from './register-user.js'

export type OnboardingAnswers = {
  serverName: ServerName
  username: string
  password: string
  displayName: string | undefined
  federation: 'local' | 'federated'
}

/** What is there once the server has a name. */
export type NamedServer = {
  registerUser: RegisterUser
  beginSession: BeginSession
  createRoom(request: {
    creator: UserId
    preset: 'private_chat'
    name: string
    topic: string
    invite: UserId[]
  }): Promise<RoomId>
  joinRoom(request: { roomId: RoomId; sender: UserId }): Promise<unknown>
  sendEvent(roomId: RoomId, draft: { type: string; sender: UserId; content: Record<string, unknown> }): Promise<unknown>
}

export type OnboardingState = {
  state: 'needed' | 'done'
  /** Known where the configuration names it: then it is not asked for. */
  serverName: ServerName | undefined
  dataDir: string
}

export type Onboarding = {
  readState(): Promise<OnboardingState>
  /** @throws MatrixError 403 when there is an account already, 400 for a name that cannot be */
  answer(answers: OnboardingAnswers): Promise<NewSession & { notesRoomId: RoomId | undefined }>
}

/** The user in whose name the server speaks. */
export const serverUserLocalpart = 'hearth'

const welcome = [
  'Welcome. This server is yours, and so is this room: keep notes here, or try things out.',
  'To bring somebody in, invite them: Home, People, Invite a person.',
  'The Live page shows what your server does, as it happens.',
].join('\n\n')

type Needs = {
  dataDir: string
  logger: Logger
  hasAccounts(): Promise<boolean>
  /** Undefined until it is settled. */
  readServerName(): ServerName | undefined
  /** Settles the name durably, and starts everything that needs one; repeating it with the same name is harmless. */
  nameServer(serverName: ServerName, federation: 'local' | 'federated'): Promise<NamedServer>
}

export function makeOnboarding(needs: Needs): Onboarding {
  const locked = makeKeyedLock()

  async function greet(hs: NamedServer, admin: UserId): Promise<RoomId | undefined> {
    try {
      const server = await hs.registerUser({
        localpart: serverUserLocalpart,
        password: randomSecret(), // nobody knows it: this user does not log in
        displayName: 'Hearth',
        kind: 'service',
      })
      const topic = 'Only you and your server are here.'
      const roomId = await hs.createRoom({
        creator: admin,
        preset: 'private_chat',
        name: 'Notes',
        topic,
        invite: [server],
      })
      await hs.joinRoom({ roomId, sender: server })
      const content = { msgtype: 'm.notice', body: welcome }
      await hs.sendEvent(roomId, { type: 'm.room.message', sender: server, content })
      return roomId
    } catch (error) {
      // A room that is missing must not keep anybody out of their new account.
      needs.logger.error({ err: error }, 'the Notes room could not be made')
      return undefined
    }
  }

  return {
    async readState() {
      const state = (await needs.hasAccounts()) ? 'done' : 'needed'
      return { state, serverName: needs.readServerName(), dataDir: needs.dataDir }
    },

    answer: (answers) =>
      locked('onboarding', async () => {
        if (await needs.hasAccounts()) throw forbidden('This server is set up already.')
        const settled = needs.readServerName()
        if (settled && settled !== answers.serverName)
          throw invalidParam(`This server is ${settled}; a server name never changes.`)
        if (answers.username === serverUserLocalpart)
          throw new MatrixError(400, 'M_USER_IN_USE', `The name ${serverUserLocalpart} is the server's own.`)
        const hs = await needs.nameServer(answers.serverName, answers.federation)
        const { username: localpart, password, displayName } = answers
        const userId = await hs.registerUser({ localpart, password, displayName, admin: true })
        const notesRoomId = await greet(hs, userId)
        const session = await hs.beginSession({ userId, deviceName: 'Hearth', withRefreshToken: false })
        return { ...session, notesRoomId }
      }),
  }
}
