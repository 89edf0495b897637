/**
 * Takes this server's guests out of a room that does not let guests in any more.
 *
 * Whatever made the room so: a new event, one that lost a state resolution, a redaction. What a crash kept from
 * being done is done at the next start.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#guest-access
 */
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { guestAccessKey, letsGuestsIn } from '../rooms/guest-access.js'
import type { MembershipRequest } from '../rooms/member-operations.js'
import type { Room, Rooms } from '../rooms/room.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import { readGuests } from '../store/user-store.js'

type Needs = {
  db: Database
  rooms: Pick<Rooms, 'get' | 'membershipsOf'>
  leaveRoom(request: MembershipRequest): Promise<void>
  logger: Logger
}

/** Begins to listen, and looks once at all guests. @returns the end of it, which waits for what is under way */
export function startRemovingGuests({ db, rooms, leaveRoom, logger }: Needs): () => Promise<void> {
  let work: Promise<unknown> = Promise.resolve()
  const enqueue = (job: () => Promise<void>) => {
    work = work.then(job).catch((error: unknown) => logger.warn({ err: error }, 'guests could not be removed'))
  }

  async function removeFrom(room: Room, guests: Iterable<UserId>): Promise<void> {
    if (letsGuestsIn(room)) return
    for (const guest of guests)
      if (room.localMembers.get(guest) === 'join')
        await leaveRoom({ roomId: room.roomId, sender: guest }).catch((error: unknown) =>
          logger.warn({ err: error, roomId: room.roomId, user: guest }, 'a guest could not be removed'),
        )
  }

  async function look(roomId: RoomId): Promise<void> {
    const room = await rooms.get(roomId)
    if (room && !letsGuestsIn(room)) await removeFrom(room, await readGuests(db))
  }

  async function lookAtAll(): Promise<void> {
    for (const guest of await readGuests(db))
      for (const { roomId, membership } of (await rooms.membershipsOf(guest)).values()) {
        const room = membership === 'join' ? await rooms.get(roomId) : undefined
        if (room) await removeFrom(room, [guest])
      }
  }

  const stop = db.onCommitted('notify', (changes) => {
    for (const change of changes) {
      const roomId = treat(roomOf, change)
      if (roomId) enqueue(() => look(roomId))
    }
  })
  enqueue(lookAtAll)
  return async () => {
    stop()
    await work
  }
}

/** The room in which guests may have lost their access. */
const roomOf: ByKind<RoomId | undefined> = {
  event: ({ roomId, type, isCurrentState }) => (isCurrentState && type === 'm.room.guest_access' ? roomId : undefined),
  state: ({ roomId, keys }) => (keys === undefined || keys.includes(guestAccessKey) ? roomId : undefined),
  ...{ redaction: ignore, membership: ignore, receipt: ignore, account_data: ignore },
  ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
}
