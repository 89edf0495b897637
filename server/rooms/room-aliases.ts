/**
 * Aliases: names of rooms on this server, and how names of other servers are looked up.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-aliases
 */
import { isJsonObject, stateKeyOf } from '../events/pdu.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import {
  parseRoomAlias,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import { AlreadyExistsError } from '../store/errors.js'
import { deleteAlias, insertAlias, readAlias, readAliasesOf } from '../store/room-alias-store.js'
import type { Signer } from './build-event.js'
import { checkRoomPermission } from './room-permission.js'
import type { RoomsForWriting } from './rooms.js'
import type { SendEvent } from './send-event.js'

export type ResolvedAlias = { roomId: RoomId; servers: ServerName[] }

export type RoomAliases = {
  /** @throws MatrixError `M_NOT_FOUND` */
  resolveAlias(alias: RoomAlias): Promise<ResolvedAlias>
  /** Only names of this server; undefined for one that is free. Answers other servers' directory queries. */
  findLocalAlias(alias: RoomAlias): Promise<ResolvedAlias | undefined>
  createAlias(request: { alias: RoomAlias; roomId: RoomId; userId: UserId }): Promise<void>
  removeAlias(request: { alias: RoomAlias; userId: UserId; isAdmin: boolean }): Promise<void>
  /** @throws MatrixError `M_FORBIDDEN` for who is not in the room, unless its history is world-readable */
  listAliases(request: { roomId: RoomId; userId: UserId }): Promise<RoomAlias[]>
}

export type RoomAliasNeeds = {
  rooms: RoomsForWriting
  sendEvent: SendEvent
  signer: Signer
  /** Asks the alias's own server; `M_NOT_FOUND` where it has no such alias or cannot be asked. */
  queryDirectory: (alias: RoomAlias) => Promise<ResolvedAlias>
  /** Whether an application service has made the room of this alias, now that it is asked for. */
  askForAlias(alias: RoomAlias): Promise<boolean>
}

export function makeRoomAliases({
  rooms,
  sendEvent,
  signer,
  queryDirectory,
  askForAlias,
}: RoomAliasNeeds): RoomAliases {
  async function findLocalAlias(alias: RoomAlias): Promise<ResolvedAlias | undefined> {
    const row = await readAlias(rooms.db, alias)
    if (!row) return undefined
    const room = await rooms.get(row.room_id)
    const servers = room ? [...(await rooms.readServers(room)).keys()] : []
    const others = servers.filter((server) => server !== signer.serverName)
    return { roomId: row.room_id, servers: [signer.serverName, ...others] }
  }

  /** Takes a removed alias out of the canonical alias event, where the remover may send one. */
  async function withdrawCanonical(roomId: RoomId, alias: RoomAlias, userId: UserId): Promise<void> {
    const room = await rooms.get(roomId)
    const content = room?.state.get(stateKeyOf('m.room.canonical_alias', ''))?.pdu.content
    if (!content) return
    const alternatives = Array.isArray(content.alt_aliases) ? content.alt_aliases : []
    if (content.alias !== alias && !alternatives.includes(alias)) return
    const { alias: main, alt_aliases: _, ...rest } = content
    const left = alternatives.filter((other) => other !== alias)
    const next = {
      ...rest,
      ...(main === alias ? {} : { alias: main }),
      ...(left.length > 0 ? { alt_aliases: left } : {}),
    }
    await sendEvent(roomId, { type: 'm.room.canonical_alias', stateKey: '', sender: userId, content: next }).catch(
      (error: unknown) => {
        if (!(error instanceof MatrixError)) throw error // the alias is gone all the same
      },
    )
  }

  return {
    findLocalAlias,

    async resolveAlias(alias) {
      if (serverNameOf(alias) !== signer.serverName) return queryDirectory(alias)
      let found = await findLocalAlias(alias)
      if (!found && (await askForAlias(alias))) found = await findLocalAlias(alias)
      if (!found) throw notFound(`There is no room with the alias ${alias}`)
      return found
    },

    async createAlias({ alias, roomId, userId }) {
      if (serverNameOf(alias) !== signer.serverName)
        throw new MatrixError(400, 'M_INVALID_PARAM', 'Only aliases of this server can be made here')
      const room = await rooms.get(roomId)
      if (!room || !checkRoomPermission(room, userId, 'take_part'))
        throw forbidden('You are not in that room, or have no part in it')
      try {
        await rooms.db.commit(() => ({
          writes: [insertAlias(alias, { room_id: roomId, creator: userId })],
          changes: [],
          result: undefined,
        }))
      } catch (error) {
        if (error instanceof AlreadyExistsError) throw new MatrixError(409, 'M_UNKNOWN', `${alias} is taken`)
        throw error
      }
    },

    async removeAlias({ alias, userId, isAdmin }) {
      const row = await readAlias(rooms.db, alias)
      if (!row) throw notFound(`There is no room with the alias ${alias}`)
      const room = await rooms.get(row.room_id)
      const mayManage = room && checkRoomPermission(room, userId, { sendState: 'm.room.canonical_alias' })
      if (row.creator !== userId && !mayManage && !isAdmin)
        throw forbidden("Only who made the alias, or who may set the room's aliases, can remove it")
      await rooms.db.commit(() => ({ writes: [deleteAlias(alias)], changes: [], result: undefined }))
      await withdrawCanonical(row.room_id, alias, userId)
    },

    async listAliases({ roomId, userId }) {
      const room = await rooms.get(roomId)
      const visibility = room?.state.get(stateKeyOf('m.room.history_visibility', ''))?.pdu.content.history_visibility
      if (!room || (visibility !== 'world_readable' && !checkRoomPermission(room, userId, 'read')))
        throw forbidden('You are not in that room')
      return readAliasesOf(rooms.db, roomId)
    },
  }
}

/**
 * Checks a canonical alias event before it is sent: aliases that are new in it must be valid and name this room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroomcanonical_alias
 * @throws MatrixError `M_INVALID_PARAM`, `M_BAD_ALIAS`
 */
export async function checkCanonicalAlias(
  { rooms, resolveAlias }: { rooms: RoomsForWriting; resolveAlias: RoomAliases['resolveAlias'] },
  roomId: RoomId,
  content: Record<string, unknown>,
): Promise<void> {
  const before = (await rooms.get(roomId))?.state.get(stateKeyOf('m.room.canonical_alias', ''))?.pdu.content
  const known = new Set(namesIn(before))
  for (const name of namesIn(content)) {
    if (known.has(name)) continue
    const alias = parseRoomAlias(name)
    if (!alias) throw new MatrixError(400, 'M_INVALID_PARAM', `${String(name)} is not a room alias`)
    const target = await resolveAlias(alias).catch(() => undefined)
    if (target?.roomId !== roomId) throw new MatrixError(400, 'M_BAD_ALIAS', `${alias} does not point to this room`)
  }
}

function namesIn(content: unknown): unknown[] {
  if (!isJsonObject(content)) return []
  const alternatives = Array.isArray(content.alt_aliases) ? content.alt_aliases : []
  return [
    ...(content.alias === undefined || content.alias === null || content.alias === '' ? [] : [content.alias]),
    ...alternatives,
  ]
}
