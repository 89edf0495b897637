/**
 * Server notices: what whoever runs this server writes to its users, in the name of the server's own user.
 *
 * Each user has one room with it, made with the first notice. There they read and do not write, and its invitation
 * cannot be declined; it can be left, and then the next notice makes another. Which room it is, memberships tell: it
 * was made by the server's user, and both are in it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-notices
 */
import type { JsonObject } from '../events/pdu.js'
import { badJson, invalidParam, MatrixError, notFound } from '../kernel/errors.js'
import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import type { CreateRoom } from '../rooms/create-room.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Rooms } from '../rooms/room.js'
import type { SendEvent } from '../rooms/send-event.js'
import type { Reader } from '../store/reader.js'
import { readUser } from '../store/user-store.js'
import type { AccountData } from './account-data.js'
import { serverUserLocalpart } from './onboarding.js'
import type { RegisterUser } from './register-user.js'

export type ServerNotice = {
  userId: UserId
  type: string
  /** Of a notice that is state of the room. */
  stateKey: string | undefined
  content: JsonObject
}

export type ServerNotices = {
  /** @throws MatrixError 404 for who is no user here (any more), 400 for users of other servers and what is no message */
  sendServerNotice(notice: ServerNotice): Promise<EventId>
  /** @throws MatrixError 403 `M_CANNOT_LEAVE_SERVER_NOTICE_ROOM` where the user is invited to hear from the server */
  checkMayDecline(userId: UserId, roomId: RoomId): Promise<void>
}

const noticeTag = 'm.server_notice'

/** Below zero one has no role: one reads. */
const readersLevel = -10

type Needs = {
  db: Reader
  serverName: ServerName
  rooms: Pick<Rooms, 'get' | 'membershipsOf'>
  registerUser: RegisterUser
  createRoom: CreateRoom
  sendEvent: SendEvent
  accountData: Pick<AccountData, 'readTags' | 'setTag'>
}

export function makeServerNotices(needs: Needs): ServerNotices {
  const { db, serverName, rooms, accountData } = needs
  const serverUser = parseUserId(`@${serverUserLocalpart}:${serverName}`)!
  const locked = makeKeyedLock()

  async function checkTarget(userId: UserId): Promise<void> {
    if (serverNameOf(userId) !== serverName) throw invalidParam('Notices go to users of this server alone.')
    const account = await readUser(db, userId)
    if (!account || account.status === 'deactivated') throw notFound('There is no such account.')
    if (account.kind === 'service') throw invalidParam('That account is not a person’s.')
  }

  const ensureServerUser = (): Promise<void> =>
    locked('server user', async () => {
      const account = await readUser(db, serverUser)
      if (!account) await needs.registerUser({ localpart: serverUserLocalpart, displayName: 'Hearth', kind: 'service' })
      else if (account.kind !== 'service')
        throw new MatrixError(
          400,
          'M_USER_IN_USE',
          `Somebody else has the name ${serverUser}, in which notices are sent.`,
        )
    })

  async function findRoom(userId: UserId): Promise<RoomId | undefined> {
    const ofServer = await rooms.membershipsOf(serverUser)
    for (const { roomId, membership } of (await rooms.membershipsOf(userId)).values()) {
      if (membership !== 'join' && membership !== 'invite') continue
      if (ofServer.get(roomId)?.membership !== 'join') continue
      if ((await rooms.get(roomId))?.createEvent.pdu.sender === serverUser) return roomId
    }
    return undefined
  }

  const makeRoom = (userId: UserId): Promise<RoomId> =>
    needs.createRoom({
      creator: serverUser,
      preset: 'private_chat',
      name: 'Server notices',
      topic: `News from whoever runs ${serverName}.`,
      invite: [userId],
      creationContent: { 'm.federate': false },
      powerLevelContentOverride: { users_default: readersLevel },
    })

  return {
    async sendServerNotice({ userId, type, stateKey, content }) {
      if (type === 'm.room.message' && (typeof content.msgtype !== 'string' || typeof content.body !== 'string'))
        throw badJson('A message has msgtype and body.')
      await checkTarget(userId)
      await ensureServerUser()
      // One after the other for each user: two at once make one room.
      return locked(userId, async () => {
        const roomId = (await findRoom(userId)) ?? (await makeRoom(userId))
        if (!(noticeTag in (await accountData.readTags(userId, roomId))))
          await accountData.setTag(userId, roomId, noticeTag, {})
        return needs.sendEvent(roomId, {
          type,
          sender: serverUser,
          content,
          ...(stateKey !== undefined && { stateKey }),
        })
      })
    },

    async checkMayDecline(userId, roomId) {
      const held = (await rooms.membershipsOf(userId)).get(roomId)
      if (held?.membership === 'invite' && held.sender === serverUser)
        throw new MatrixError(
          403,
          'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
          'What whoever runs this server has to say cannot be declined. The room can be left once it was joined.',
        )
    },
  }
}
