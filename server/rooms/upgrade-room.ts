/**
 * Upgrades a room: a new one of another version that takes over its settings, and a tombstone in the old.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
import { isJsonObject, type JsonObject, stateKeyOf } from '../events/pdu.js'
import { roomVersionRules } from '../events/room-versions.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import { parseRoomAlias, type RoomId, type UserId } from '../kernel/identifiers.js'
import { deleteAlias, insertAlias, readAliasesOf } from '../store/room-alias-store.js'
import type { CreateRoom } from './create-room.js'
import type { Room } from './room.js'
import { checkRoomPermission } from './room-permission.js'
import type { RoomsForWriting } from './rooms.js'
import type { SendEvent } from './send-event.js'

export type UpgradeRoomRequest = { roomId: RoomId; userId: UserId; newVersion: string; additionalCreators?: UserId[] }
export type UpgradeRoom = (request: UpgradeRoomRequest) => Promise<RoomId>

const copiedState = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.join_rules',
]

export function makeUpgradeRoom(rooms: RoomsForWriting, createRoom: CreateRoom, sendEvent: SendEvent): UpgradeRoom {
  return async ({ roomId, userId, newVersion, additionalCreators }) => {
    const old = await rooms.get(roomId)
    if (!old) throw notFound('This server does not know the room')
    if (!roomVersionRules(newVersion))
      throw new MatrixError(
        400,
        'M_UNSUPPORTED_ROOM_VERSION',
        `This server cannot create rooms of version ${newVersion}`,
      )
    if (!checkRoomPermission(old, userId, { sendState: 'm.room.tombstone' }))
      throw forbidden('You may not upgrade this room')

    const replacement = await createRoom({
      creator: userId,
      roomVersion: newVersion,
      preset: 'private_chat',
      creationContent: creationContent(old, additionalCreators),
      initialState: copiedState.flatMap((type) => {
        const event = old.state.get(stateKeyOf(type, ''))
        return event ? [{ type, state_key: '', content: event.pdu.content }] : []
      }),
      powerLevelContentOverride: powerLevels(old, userId, newVersion),
    })
    await sendEvent(roomId, {
      type: 'm.room.tombstone',
      stateKey: '',
      sender: userId,
      content: { body: 'This room has been replaced', replacement_room: replacement },
    })
    await moveAliases(rooms, sendEvent, old, replacement, userId)
    await closeOldRoom(sendEvent, old, userId)
    return replacement
  }
}

function creationContent(old: Room, additionalCreators: UserId[] | undefined): JsonObject {
  const { type, 'm.federate': federate } = old.createEvent.pdu.content
  return {
    ...(type === undefined ? {} : { type }),
    ...(federate === undefined ? {} : { 'm.federate': federate }),
    ...(additionalCreators ? { additional_creators: additionalCreators } : {}),
    predecessor: { room_id: old.roomId, event_id: old.extremities.at(-1)?.eventId },
  }
}

function powerLevels(old: Room, userId: UserId, newVersion: string): JsonObject {
  const { ...content } = old.state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content ?? {}
  const above = roomVersionRules(newVersion)?.creatorsAbovePowerLevels
  const users = isJsonObject(content.users) ? content.users : {}
  // Whoever was above all levels in the old room, or upgrades, must be able to act in the new one.
  return above ? content : { ...content, users: { ...users, [userId]: Math.max(100, Number(users[userId] ?? 0)) } }
}

async function moveAliases(
  rooms: RoomsForWriting,
  sendEvent: SendEvent,
  old: Room,
  replacement: RoomId,
  userId: UserId,
): Promise<void> {
  const aliases = await readAliasesOf(rooms.db, old.roomId)
  if (aliases.length > 0) {
    const moved = aliases.map((alias) => insertAlias(alias, { room_id: replacement, creator: userId }))
    const writes = [...aliases.map(deleteAlias), ...moved]
    await rooms.db.commit(() => ({ writes, changes: [], result: undefined }))
  }
  const canonical = old.state.get(stateKeyOf('m.room.canonical_alias', ''))?.pdu.content
  const main = parseRoomAlias(canonical?.alias)
  if (canonical && main && aliases.includes(main))
    await sendEvent(replacement, { type: 'm.room.canonical_alias', stateKey: '', sender: userId, content: canonical })
}

/** Nobody but moderators speaks in the old room any more. */
async function closeOldRoom(sendEvent: SendEvent, old: Room, userId: UserId): Promise<void> {
  const content = old.state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content ?? {}
  const restricted = Math.max(old.powerLevels.levelFor('m.room.message', false), 50)
  await sendEvent(old.roomId, {
    type: 'm.room.power_levels',
    stateKey: '',
    sender: userId,
    content: { ...content, events_default: restricted, invite: Math.max(old.powerLevels.invite, 50) },
  }).catch((error: unknown) => {
    if (!(error instanceof MatrixError)) throw error // who may send a tombstone need not be able to change levels
  })
}
