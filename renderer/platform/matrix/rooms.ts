/**
 * Making, entering and leaving rooms, and what moderators do in them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#rooms
 */
import type { MatrixHttp } from './http.js'

export type RoomCreation = {
  name?: string
  topic?: string
  preset: 'private_chat' | 'public_chat' | 'trusted_private_chat'
  visibility?: 'public' | 'private'
  room_alias_name?: string
  invite?: string[]
  is_direct?: boolean
  room_version?: string
  creation_content?: Record<string, unknown>
  power_level_content_override?: Record<string, unknown>
  initial_state?: { type: string; state_key: string; content: Record<string, unknown> }[]
}

/** What makes a room an encrypted one, for ever. */
export const encryptionState = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
}

export type PublicRoom = {
  room_id: string
  name?: string
  topic?: string
  canonical_alias?: string
  avatar_url?: string
  num_joined_members: number
  join_rule?: string
}

/** A room of a space's hierarchy. */
export type SpaceRoom = PublicRoom & {
  room_type?: string
  children_state: { state_key: string; content: Record<string, unknown> }[]
}

export type UserMatch = { user_id: string; display_name?: string; avatar_url?: string }

const at = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`

export function makeRooms(http: MatrixHttp) {
  const moderate = (action: string) => (roomId: string, userId: string, reason?: string) =>
    http.request<object>('POST', at(roomId, action), { body: { user_id: userId, ...(reason ? { reason } : {}) } })
  return {
    /** @returns the new room's ID */
    createRoom: async (creation: RoomCreation) =>
      (await http.request<{ room_id: string }>('POST', '/_matrix/client/v3/createRoom', { body: creation })).room_id,
    /** @param via servers to ask when this one is not in the room yet */
    joinRoom: async (idOrAlias: string, via: string[] = []) => {
      const query = new URLSearchParams()
      for (const server of via) query.append('via', server)
      const suffix = via.length ? `?${query}` : ''
      const path = `/_matrix/client/v3/join/${encodeURIComponent(idOrAlias)}${suffix}`
      return (await http.request<{ room_id: string }>('POST', path, { body: {} })).room_id
    },
    leaveRoom: (roomId: string) => http.request<object>('POST', at(roomId, 'leave'), { body: {} }),
    forgetRoom: (roomId: string) => http.request<object>('POST', at(roomId, 'forget'), { body: {} }),
    inviteUser: moderate('invite'),
    kickUser: moderate('kick'),
    banUser: moderate('ban'),
    unbanUser: moderate('unban'),
    /** Joined and invited. */
    readMembers: async (roomId: string) => {
      const { chunk } = await http.request<{ chunk: { state_key: string; content: { membership?: string } }[] }>(
        'GET',
        at(roomId, 'members'),
        { query: { not_membership: 'leave' } },
      )
      return chunk.flatMap(({ state_key: userId, content: { membership } }) =>
        membership === 'join' || membership === 'invite' ? [{ userId, membership } as const] : [],
      )
    },
    /** @returns public rooms of this server, best first */
    searchPublicRooms: async (term: string, limit = 20, signal?: AbortSignal) =>
      (
        await http.request<{ chunk: PublicRoom[] }>('POST', '/_matrix/client/v3/publicRooms', {
          body: { limit, ...(term ? { filter: { generic_search_term: term } } : {}) },
          ...(signal ? { signal } : {}),
        })
      ).chunk,
    /** @returns the space first, then what is in it, as deep as the server goes; at most 200 */
    readSpaceRooms: async (spaceId: string) => {
      const rooms: SpaceRoom[] = []
      for (let from: string | undefined, page = 0; page < 4; page++) {
        const answer: { rooms: SpaceRoom[]; next_batch?: string } = await http.request(
          'GET',
          `/_matrix/client/v1/rooms/${encodeURIComponent(spaceId)}/hierarchy`,
          { query: { limit: 50, from } },
        )
        rooms.push(...answer.rooms)
        from = answer.next_batch
        if (!from) break
      }
      return rooms
    },
    searchUsers: async (term: string, limit = 8, signal?: AbortSignal) =>
      (
        await http.request<{ results: UserMatch[] }>('POST', '/_matrix/client/v3/user_directory/search', {
          body: { search_term: term, limit },
          ...(signal ? { signal } : {}),
        })
      ).results,
    reportRoom: (roomId: string, reason: string) =>
      http.request<object>('POST', at(roomId, 'report'), { body: { reason } }),
  }
}
