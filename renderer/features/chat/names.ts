/** What people are called in a room: their display name there, with the ID where two share one. */
import { useMemo } from 'react'
import type { RoomMemberRow } from '../../../server/api/live/rows.js'
import type { MembersOfRoom } from '../../live/room-members.js'
import { useStore } from '../../live/store.js'
import { localpartOf } from '../../platform/matrix/login-session.js'

export type Names = {
  nameOf(userId: string): string
  avatarOf(userId: string): string | undefined
  memberOf(userId: string): RoomMemberRow | undefined
}

/**
 * @param members of one room
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-user
 */
export function makeNames(members: ReadonlyMap<string, RoomMemberRow>): Names {
  const holders = new Map<string, number>()
  for (const { displayname, membership } of members.values())
    if (displayname && (membership === 'join' || membership === 'invite'))
      holders.set(displayname, (holders.get(displayname) ?? 0) + 1)
  return {
    nameOf(userId) {
      const name = members.get(userId)?.displayname?.trim()
      if (!name) return localpartOf(userId)
      return (holders.get(name) ?? 0) > 1 ? `${name} (${userId})` : name
    },
    avatarOf: (userId) => members.get(userId)?.avatar_url,
    memberOf: (userId) => members.get(userId),
  }
}

export function useNames(room: MembersOfRoom): Names {
  const { members } = useStore(room.store)
  return useMemo(() => makeNames(members), [members])
}
