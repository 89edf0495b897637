/**
 * Invitations: how somebody who has no account gets one, and into the room where they are awaited.
 *
 * An invitation is a registration token that an admin made, known by its hash alone: whoever made it is shown it once.
 * Using it makes the account, counts the use and notes the rooms in one commit (`registration-tokens.ts`); then the account is
 * invited to each room by whoever made the invitation, and joins. The note goes last, so that a server that was stopped
 * in between goes on at its next start. A room that cannot be entered any more keeps nobody out of their account.
 */
import type { Clock } from '../kernel/clock.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Database } from '../store/reader.js'
import {
  deleteRegistrationToken,
  deleteRoomEntry,
  insertRegistrationToken,
  type RegistrationTokenRow,
  readOpenRegistrationTokens,
  readRegistrationToken,
  readRoomEntries,
  readRoomEntry,
  readSpentRegistrationTokens,
} from '../store/registration-token-store.js'
import type { RegistrationTokens } from './registration-tokens.js'
import { newToken } from './tokens.js'

export type Invitation = RegistrationTokenRow

export type NewInvitation = {
  createdBy: UserId
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** How many accounts it is good for. */
  uses: number
  roomIds: readonly RoomId[]
  label: string | undefined
}

export type Invitations = {
  /**
   * @returns the row, and the token, which nobody can be told a second time
   * @throws MatrixError 403 `M_FORBIDDEN` for a room that the maker is not in or may not invite to
   */
  createInvitation(wanted: NewInvitation): Promise<{ invitation: Invitation; token: string }>
  /** Those that can still be used, newest first, at most 500. */
  listInvitations(): Promise<Invitation[]>
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  revokeInvitation(id: string): Promise<void>
  /** @throws MatrixError 404 `M_NOT_FOUND` for a token that is not known or not good any more */
  describeInvitation(token: string): Promise<Invitation>
  /** Brings an account that was just made into the rooms of its invitation. Never fails. */
  enterRooms(userId: UserId): Promise<void>
  /** Goes on with what a stopped server left. */
  resumeRoomEntries(): Promise<void>
  /** For the daily cleaning: forgets what nobody can use, a month after it was made. */
  forgetInvitations(limit: number): Promise<number>
}

const mostListed = 500
const keptMs = 30 * 24 * 60 * 60_000

type Needs = {
  db: Database
  clock: Clock
  tokens: Pick<RegistrationTokens, 'readInvitation'>
  mayInvite(roomId: RoomId, userId: UserId): Promise<boolean>
  membershipsOf(userId: UserId): Promise<ReadonlyMap<RoomId, { membership: string }>>
  inviteUser(request: { roomId: RoomId; sender: UserId; target: UserId }): Promise<unknown>
  joinRoom(request: { roomId: RoomId; sender: UserId }): Promise<unknown>
  logger: Pick<Logger, 'warn' | 'error'>
}

export function makeInvitations(needs: Needs): Invitations {
  const { db, clock, logger } = needs

  /** Each step may be done again: what is done already is seen by the membership. */
  async function enterRoom(roomId: RoomId, userId: UserId, inviter: UserId): Promise<void> {
    const before = (await needs.membershipsOf(userId)).get(roomId)?.membership
    if (before !== undefined && before !== 'invite') return // in it, or left again
    try {
      // A public room may be joined without an invite, also where the inviter may not give one any more.
      if (before === undefined) await needs.inviteUser({ roomId, sender: inviter, target: userId }).catch(onlyRefusal)
      await needs.joinRoom({ roomId, sender: userId })
    } catch (error) {
      onlyRefusal(error)
      logger.warn({ err: error, room: roomId, user: userId }, 'an invitation’s room could not be entered')
    }
  }

  async function finishEntry(row: { user_id: UserId; room_ids: readonly RoomId[]; inviter: UserId }): Promise<void> {
    for (const roomId of row.room_ids) await enterRoom(roomId, row.user_id, row.inviter)
    await db.commit(() => ({ writes: [deleteRoomEntry(row.user_id)], changes: [], result: undefined }))
  }

  const finishLater = (userId: UserId) => (error: unknown) =>
    logger.error({ err: error, user: userId }, 'an account is not yet in the rooms of its invitation')

  return {
    async createInvitation({ createdBy, expiresAt, uses, roomIds, label }) {
      for (const roomId of roomIds)
        if (!(await needs.mayInvite(roomId, createdBy))) throw forbidden('You may not invite anybody to that room.')
      const { token, hash } = newToken('invitation')
      const invitation: Invitation = {
        ...{ hash, completed: 0, uses_allowed: uses, expiry_time: expiresAt },
        ...{ created_at: clock.now(), created_by: createdBy, room_ids: [...roomIds] },
        ...(label !== undefined && { label }),
      }
      const writes = [insertRegistrationToken(invitation)]
      await db.commit(() => ({ writes, changes: [], result: undefined }))
      return { invitation, token }
    },

    listInvitations: () => readOpenRegistrationTokens(db, clock.now(), mostListed),

    async revokeInvitation(id) {
      if (!(await readRegistrationToken(db, id))) throw notFound('There is no such invitation.')
      await db.commit(() => ({ writes: [deleteRegistrationToken(id)], changes: [], result: undefined }))
    },

    async describeInvitation(token) {
      const invitation = await needs.tokens.readInvitation(token)
      if (!invitation) throw notFound('This invitation is not good any more.')
      return invitation
    },

    async enterRooms(userId) {
      try {
        const row = await readRoomEntry(db, userId)
        if (row) await finishEntry(row)
      } catch (error) {
        finishLater(userId)(error)
      }
    },

    async resumeRoomEntries() {
      for (const row of await readRoomEntries(db)) await finishEntry(row).catch(finishLater(row.user_id))
    },

    async forgetInvitations(limit) {
      const now = clock.now()
      const spent = await readSpentRegistrationTokens(db, now, now - keptMs, limit)
      const writes = spent.map(deleteRegistrationToken)
      if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
      return spent.length
    },
  }
}

/** A refusal of the rules is an answer; anything else has to be tried again. */
function onlyRefusal(error: unknown): void {
  if (!(error instanceof MatrixError) || error.status >= 500) throw error
}
