/**
 * The end of a room's upgrade, once the tombstone is in the old room: what leads to the old room leads to the new one, and
 * the levels of both become what they are to be. Each step may be done twice: it is begun again after a crash.
 *
 * Or, where the tombstone is not there, the way back: who upgraded leaves the room that was made, and all is as before.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
import { canonicalJson } from '../events/canonical-json.js'
import { isJsonObject, type JsonObject, stateKeyOf } from '../events/pdu.js'
import { MatrixError } from '../kernel/errors.js'
import { parseRoomAlias, parseRoomId, type RoomId, type UserId } from '../kernel/identifiers.js'
import { deleteAlias, deletePublished, insertAlias, readAliasesOf, setPublished } from '../store/room-alias-store.js'
import { isPublished } from '../store/room-listing-store.js'
import { deleteRoomUpgrade, type RoomUpgradeRow } from '../store/room-upgrade-store.js'
import type { Signer } from './build-event.js'
import { isJoined, type Room } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import type { SendEvent } from './send-event.js'

type Needs = { rooms: RoomsForWriting; sendEvent: SendEvent; signer: Signer }

const contentOf = (room: Room, type: string) => room.state.get(stateKeyOf(type, ''))?.pdu.content

export async function finishUpgrade(needs: Needs, mark: RoomUpgradeRow, replacement: RoomId): Promise<void> {
  const { room_id: roomId, user_id: userId, levels, closed } = mark
  const old = await needs.rooms.get(roomId)
  if (!old) throw new Error(`the upgraded room ${roomId} is gone`)
  await moveAddresses(needs, old, replacement, userId)
  await moveInSpaces(needs, old, replacement, userId)
  if (levels !== undefined) await setLevels(needs, replacement, userId, JSON.parse(levels))
  await setLevels(needs, roomId, userId, JSON.parse(closed))
  await forget(needs, roomId)
}

export async function undoUpgrade(needs: Needs, mark: RoomUpgradeRow): Promise<void> {
  const { room_id: roomId, user_id: userId } = mark
  for (const [made, { membership }] of [...(await needs.rooms.membershipsOf(userId))]) {
    const room = membership === 'join' ? await needs.rooms.get(made) : undefined
    if (!room || !isMadeBy(room, mark)) continue
    const content = { membership: 'leave' }
    await needs
      .sendEvent(made, { type: 'm.room.member', stateKey: userId, sender: userId, content })
      .catch(ignoreRefusal)
  }
  await forget(needs, roomId)
}

/** The room that the tombstone of the old one leads to, where this very upgrade made it. */
export async function findReplacement(needs: Pick<Needs, 'rooms'>, mark: RoomUpgradeRow): Promise<RoomId | undefined> {
  const old = await needs.rooms.get(mark.room_id)
  const to = parseRoomId(old && contentOf(old, 'm.room.tombstone')?.replacement_room)
  const room = to && (await needs.rooms.get(to))
  return room && isMadeBy(room, mark) ? to : undefined
}

function isMadeBy({ roomId, createEvent: { pdu } }: Room, mark: RoomUpgradeRow): boolean {
  if (mark.replacement) return roomId === mark.replacement
  const { predecessor } = pdu.content
  const isAfter = isJsonObject(predecessor) && predecessor.room_id === mark.room_id
  return isAfter && pdu.sender === mark.user_id && pdu.origin_server_ts >= mark.started_at
}

const forget = ({ rooms }: Needs, roomId: RoomId) =>
  rooms.db.commit(() => ({ writes: [deleteRoomUpgrade(roomId)], changes: [], result: undefined }))

/** Whoever may do the rest need not be able to change levels. */
async function setLevels(needs: Needs, roomId: RoomId, userId: UserId, content: JsonObject): Promise<void> {
  const room = await needs.rooms.get(roomId)
  const held = room && contentOf(room, 'm.room.power_levels')
  if (held && canonicalJson(held, { strict: false }) === canonicalJson(content, { strict: false })) return
  await needs
    .sendEvent(roomId, { type: 'm.room.power_levels', stateKey: '', sender: userId, content })
    .catch(ignoreRefusal)
}

/** Aliases of this server and the place in its directory; the canonical alias names what moved. */
async function moveAddresses({ rooms, sendEvent, signer }: Needs, old: Room, replacement: RoomId, userId: UserId) {
  const aliases = await readAliasesOf(rooms.db, old.roomId)
  const wasPublished = await isPublished(rooms.db, old.roomId)
  const moved = aliases.map((alias) => insertAlias(alias, { room_id: replacement, creator: userId }))
  const listing = wasPublished ? [deletePublished(old.roomId), setPublished(replacement, signer.now())] : []
  const writes = [...aliases.map(deleteAlias), ...moved, ...listing]
  if (writes.length > 0) await rooms.db.commit(() => ({ writes, changes: [], result: undefined }))
  const content = contentOf(old, 'm.room.canonical_alias')
  const here = new Set<unknown>(await readAliasesOf(rooms.db, replacement))
  const alternatives = Array.isArray(content?.alt_aliases) ? content.alt_aliases.filter((alias) => here.has(alias)) : []
  const main = parseRoomAlias(content?.alias)
  const canonical = {
    ...(main && here.has(main) && { alias: main }),
    ...(alternatives.length > 0 && { alt_aliases: alternatives }),
  }
  if (Object.keys(canonical).length === 0) return
  const draft = { type: 'm.room.canonical_alias', stateKey: '', sender: userId }
  await sendEvent(replacement, { ...draft, content: canonical }).catch(ignoreRefusal)
  await sendEvent(old.roomId, { ...draft, content: {} }).catch(ignoreRefusal)
}

/** The entry of the old room in each space whose entries who upgrades may change; the new one before the old one goes. */
async function moveInSpaces({ rooms, sendEvent }: Needs, old: Room, replacement: RoomId, userId: UserId) {
  for (const [spaceId, { membership }] of [...(await rooms.membershipsOf(userId))]) {
    const space = membership === 'join' ? await rooms.get(spaceId) : undefined
    const entry = space && isJoined(space, userId) && space.state.get(stateKeyOf('m.space.child', old.roomId))
    if (!entry || !Array.isArray(entry.pdu.content.via)) continue
    const child = (stateKey: RoomId, content: JsonObject) =>
      sendEvent(spaceId, { type: 'm.space.child', stateKey, sender: userId, content })
    try {
      await child(replacement, entry.pdu.content)
      await child(old.roomId, {})
    } catch (error) {
      ignoreRefusal(error)
    }
  }
}

export function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MatrixError)) throw error
}
