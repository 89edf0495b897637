/**
 * The rooms that anybody may join or look into. Read once, when first asked for; kept current by what is committed.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3user_directorysearch
 */

import { stateKeyOf } from '../events/pdu.js'
import type { RoomId } from '../kernel/identifiers.js'
import { type ByKind, ignore, treat } from '../store/follow-changes.js'
import type { Database } from '../store/reader.js'
import { readRoomDoors } from '../store/room-listing-store.js'
import type { Room, Rooms } from './room.js'

export type ReadOpenRooms = () => Promise<ReadonlySet<RoomId>>

const doorTypes = new Set(['m.room.join_rules', 'm.room.history_visibility'])

export function makeReadOpenRooms({ db, rooms }: { db: Database; rooms: Pick<Rooms, 'get'> }): ReadOpenRooms {
  let loading: Promise<Set<RoomId>> | undefined
  /** Rooms whose doors may have moved since. */
  const moved = new Set<RoomId>()

  const follow: ByKind = {
    event({ roomId, type, isCurrentState }) {
      if (isCurrentState && doorTypes.has(type)) moved.add(roomId)
    },
    state: ({ roomId }) => void moved.add(roomId),
    ...{ redaction: ignore, membership: ignore, receipt: ignore, account_data: ignore },
    ...{ device_list: ignore, to_device: ignore, key_counts: ignore, lasting_edu: ignore, profile: ignore },
  }
  db.onCommitted('memory', (changes) => {
    if (loading) for (const change of changes) treat(follow, change)
  })

  async function load(): Promise<Set<RoomId>> {
    const doors = await readRoomDoors(db)
    return new Set(doors.filter((row) => isOpen(row.join_rule, row.history_visibility)).map((row) => row.room_id))
  }

  return async () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    const open = await loading
    for (const roomId of [...moved]) {
      moved.delete(roomId)
      const room = await rooms.get(roomId)
      if (room && isRoomOpen(room)) open.add(roomId)
      else open.delete(roomId)
    }
    return open
  }
}

const isOpen = (joinRule: unknown, visibility: unknown) => joinRule === 'public' || visibility === 'world_readable'

function isRoomOpen({ state }: Room): boolean {
  const content = (type: string) => state.get(stateKeyOf(type, ''))?.pdu.content
  return isOpen(content('m.room.join_rules')?.join_rule, content('m.room.history_visibility')?.history_visibility)
}
