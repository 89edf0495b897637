/**
 * Questions to other servers on behalf of our users: profiles, aliases, room directories, spaces.
 *
 * Answers are read member by member: what has the wrong type is left out, not passed on.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#querying-for-information
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { MatrixError, notFound } from '../kernel/errors.js'
import {
  parseRoomId,
  parseServerName,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import { type RemoteSpace, readRemoteSpace } from '../rooms/space-children.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError, reasonOf, toClientError } from './federation-error.js'

export type RemoteQueries = {
  /** Profile fields of a user of another server. Throws 404 where there is no such user or nobody answers. */
  queryProfile(userId: UserId, field?: string): Promise<JsonObject>
  /** Throws 404 where there is no such alias or its server cannot be asked. */
  queryDirectory(alias: RoomAlias): Promise<{ roomId: RoomId; servers: ServerName[] }>
  /** A page of another server's public rooms, as its answer says. Throws MatrixError. */
  queryPublicRooms(
    server: ServerName,
    query: {
      limit?: number
      since?: string
      filter?: JsonObject
      includeAllNetworks?: boolean
      thirdPartyInstanceId?: string
    },
  ): Promise<{ chunk: JsonObject[]; next_batch?: string; prev_batch?: string; total_room_count_estimate?: number }>
  /** A space and its rooms as that server tells; undefined where it does not know it or does not answer. */
  querySpace(server: ServerName, roomId: RoomId): Promise<RemoteSpace | undefined>
}

const timeoutMs = 10_000
const maxServersOfAlias = 50

export function makeRemoteQueries({ client }: { client: FederationClient }): RemoteQueries {
  const get = (destination: ServerName, path: string, query: Record<string, string | number | undefined>) =>
    client.request({ destination, method: 'GET', path, query, timeoutMs })

  return {
    async queryProfile(userId, field) {
      try {
        const answer = await get(serverNameOf(userId), '/_matrix/federation/v1/query/profile', {
          user_id: userId,
          field,
        })
        return answer
      } catch (error) {
        if (error instanceof FederationError) throw notFound('No profile of that user could be had')
        throw error
      }
    },

    async queryDirectory(alias) {
      try {
        const answer = await get(serverNameOf(alias), '/_matrix/federation/v1/query/directory', { room_alias: alias })
        const roomId = parseRoomId(answer.room_id)
        if (!roomId) throw new FederationError(serverNameOf(alias), 'bad-answer', 'answered without a room ID')
        const named = Array.isArray(answer.servers)
          ? answer.servers.slice(0, maxServersOfAlias).map(parseServerName)
          : []
        const servers = new Set([...named.filter((name) => name !== undefined), serverNameOf(alias)])
        return { roomId, servers: [...servers] }
      } catch (error) {
        if (error instanceof FederationError)
          throw new MatrixError(
            404,
            'M_NOT_FOUND',
            'That room alias could not be found',
            error.failure === 'refused' ? {} : reasonOf(error),
          )
        throw error
      }
    },

    async queryPublicRooms(server, { limit, since, filter, includeAllNetworks, thirdPartyInstanceId }) {
      try {
        const answer = await client.request({
          destination: server,
          method: 'POST',
          path: '/_matrix/federation/v1/publicRooms',
          content: {
            ...(limit !== undefined && { limit }),
            ...(since !== undefined && { since }),
            ...(filter && { filter }),
            ...(includeAllNetworks !== undefined && { include_all_networks: includeAllNetworks }),
            ...(thirdPartyInstanceId !== undefined && { third_party_instance_id: thirdPartyInstanceId }),
          },
          timeoutMs: 20_000,
          maxBytes: 4 * 1024 * 1024,
        })
        const { next_batch, prev_batch, total_room_count_estimate: total } = answer
        return {
          chunk: (Array.isArray(answer.chunk) ? answer.chunk : []).filter(isPublicRoom),
          ...(typeof next_batch === 'string' && { next_batch }),
          ...(typeof prev_batch === 'string' && { prev_batch }),
          ...(typeof total === 'number' && { total_room_count_estimate: total }),
        }
      } catch (error) {
        throw toClientError(error)
      }
    },

    async querySpace(server, roomId) {
      try {
        const path = pathOf('/_matrix/federation/v1/hierarchy/:roomId', { roomId })
        return readRemoteSpace(await get(server, path, {}), roomId)
      } catch (error) {
        if (error instanceof FederationError) return undefined
        throw error
      }
    },
  }
}

const isPublicRoom = (entry: unknown): entry is JsonObject =>
  isJsonObject(entry) &&
  parseRoomId(entry.room_id) !== undefined &&
  typeof entry.num_joined_members === 'number' &&
  typeof entry.world_readable === 'boolean' &&
  typeof entry.guest_can_join === 'boolean'
