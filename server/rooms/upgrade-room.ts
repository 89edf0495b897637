/**
 * Upgrades a room: a new one of another version that takes over what the old one was, and a tombstone in the old.
 *
 *  1. The tombstone is made, but not sent: below version 12 the new room's create event names it. From version 12
 *     the room's ID is the hash of that event, so the tombstone can only be made after it.
 *  2. The new room, in which who upgrades may do everything until it is whole: settings, children of a space, bans.
 *  3. The tombstone; addresses and the place in the directory move over.
 *  4. The levels of the new room become what those of the old one were; the old one is closed.
 *
 * One upgrade of a room at a time. Who asked for the same while one was under way gets its room.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
import { checkAgainstState } from '../events/auth-rules/index.js'
import { type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../events/room-versions.js'
import { levelsOfClosedRoom, levelsOfReplacement, levelsWhileMaking } from '../events/upgrade-levels.js'
import { randomId } from '../kernel/clock.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import { parseRoomAlias, parseRoomId, type RoomId, type UserId } from '../kernel/identifiers.js'
import { deleteAlias, deletePublished, insertAlias, readAliasesOf, setPublished } from '../store/room-alias-store.js'
import { isPublished } from '../store/room-listing-store.js'
import type { AcceptPdu } from './accept-pdu.js'
import { draftEvent, type Signer, signEvent } from './build-event.js'
import type { CreateRoom } from './create-room.js'
import { makeKeyedLock } from './keyed-lock.js'
import type { Room } from './room.js'
import { checkRoomPermission } from './room-permission.js'
import type { RoomsForWriting } from './rooms.js'
import { destinationsOf, type SendEvent } from './send-event.js'

export type UpgradeRoomRequest = { roomId: RoomId; userId: UserId; newVersion: string; additionalCreators?: UserId[] }
export type UpgradeRoom = (request: UpgradeRoomRequest) => Promise<RoomId>

type Needs = {
  rooms: RoomsForWriting
  createRoom: CreateRoom
  sendEvent: SendEvent
  acceptPdu: AcceptPdu
  signer: Signer
}

const copiedState = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.history_visibility',
]

const tombstoneKey = stateKeyOf('m.room.tombstone', '')
const contentOf = (room: Room, type: string) => room.state.get(stateKeyOf(type, ''))?.pdu.content

export function makeUpgradeRoom(needs: Needs): UpgradeRoom {
  const { rooms, sendEvent } = needs
  const locked = makeKeyedLock()

  async function upgrade(old: Room, rules: RoomVersionRules, request: UpgradeRoomRequest): Promise<RoomId> {
    const { userId, additionalCreators = [] } = request
    const creators = rules.creatorsAbovePowerLevels ? [userId, ...additionalCreators] : [userId]
    const plan = { content: contentOf(old, 'm.room.power_levels'), create: old.createEvent, rules: old.rules }
    const levels = levelsOfReplacement(plan, { rules, creators })
    const whileMaking = levelsWhileMaking(levels, userId, rules)
    const ahead = rules.roomIdIsCreateHash ? undefined : await makeTombstone(needs, old, userId)

    const replacement = await needs.createRoom({
      creator: userId,
      roomVersion: rules.version,
      preset: 'private_chat',
      ...(ahead ? { roomId: ahead.replacement } : {}),
      creationContent: creationContent(old, creators.slice(1), ahead?.event),
      initialState: stateToCopy(old, rules),
      powerLevelContentOverride: whileMaking ?? levels,
    })
    await copyBans(needs, old, replacement, userId)
    if (ahead) await sendTombstone(needs, old, ahead.event)
    else
      await sendEvent(old.roomId, {
        ...{ type: 'm.room.tombstone', stateKey: '', sender: userId },
        content: tombstoneContent(replacement),
      })
    await moveAddresses(needs, old, replacement, userId)
    if (whileMaking) await setLevels(replacement, userId, levels)
    await setLevels(old.roomId, userId, levelsOfClosedRoom(plan.content, old.rules))
    return replacement
  }

  /** Whoever may do the rest need not be able to change levels. */
  async function setLevels(roomId: RoomId, userId: UserId, content: JsonObject): Promise<void> {
    await sendEvent(roomId, { type: 'm.room.power_levels', stateKey: '', sender: userId, content }).catch(ignoreRefusal)
  }

  return async (request) => {
    const { roomId, userId, newVersion } = request
    const rules = roomVersionRules(newVersion)
    const before = await rooms.get(roomId)
    if (!before) throw notFound('This server does not know the room')
    if (!rules)
      throw new MatrixError(
        400,
        'M_UNSUPPORTED_ROOM_VERSION',
        `This server cannot create rooms of version ${newVersion}`,
      )
    checkMayUpgrade(before, userId)
    return locked(roomId, async () => {
      const old = (await rooms.get(roomId)) ?? before
      const meanwhile = old.state.get(tombstoneKey)
      const made = parseRoomId(meanwhile?.pdu.content.replacement_room)
      if (made && meanwhile?.eventId !== before.state.get(tombstoneKey)?.eventId) return made
      checkMayUpgrade(old, userId)
      return upgrade(old, rules, request)
    })
  }
}

function checkMayUpgrade(room: Room, userId: UserId): void {
  if (!checkRoomPermission(room, userId, { sendState: 'm.room.tombstone' }))
    throw forbidden('You may not upgrade this room')
}

const tombstoneContent = (replacement: RoomId): JsonObject => ({
  body: 'This room has been replaced',
  replacement_room: replacement,
})

async function makeTombstone(
  { rooms, signer }: Needs,
  old: Room,
  userId: UserId,
): Promise<{ replacement: RoomId; event: PduEvent }> {
  const replacement = `!${randomId(18)}:${signer.serverName}` as RoomId
  const draft = { type: 'm.room.tombstone', stateKey: '', sender: userId, content: tombstoneContent(replacement) }
  const { unsigned, current } = await draftEvent(rooms, old, draft, signer.now())
  const { event } = signEvent(unsigned, old.rules, signer)
  const verdict = checkAgainstState(event, (type, key) => current.get(stateKeyOf(type, key)), old.rules)
  if (!verdict.allowed) throw forbidden(`Not allowed: ${verdict.reason}`)
  return { replacement, event }
}

async function sendTombstone({ rooms, acceptPdu, signer }: Needs, old: Room, event: PduEvent): Promise<void> {
  const { type, state_key: stateKey, content } = event.pdu
  const destinations = destinationsOf((await rooms.readServers(old)).keys(), signer.serverName, {
    type,
    content,
    ...(stateKey !== undefined && { stateKey }),
  })
  const acceptance = await acceptPdu(old.roomId, event, { destinations })
  if (acceptance.status !== 'accepted' && acceptance.status !== 'known')
    throw forbidden('You may not upgrade this room any more')
}

/** From version 12 a room is named by the hash of its create event, which cannot name what names it. */
function creationContent(old: Room, additionalCreators: UserId[], tombstone: PduEvent | undefined): JsonObject {
  const { type, 'm.federate': federate } = old.createEvent.pdu.content
  return {
    ...(type === undefined ? {} : { type }),
    ...(federate === undefined ? {} : { 'm.federate': federate }),
    ...(additionalCreators.length > 0 ? { additional_creators: additionalCreators } : {}),
    predecessor: { room_id: old.roomId, ...(tombstone && { event_id: tombstone.eventId }) },
  }
}

function stateToCopy(old: Room, rules: RoomVersionRules): { type: string; state_key: string; content: JsonObject }[] {
  const copied = copiedState.flatMap((type) => {
    const content = contentOf(old, type)
    return content ? [{ type, state_key: '', content }] : []
  })
  const guestAccess = contentOf(old, 'm.room.guest_access') ?? { guest_access: 'forbidden' }
  return [
    ...copied,
    { type: 'm.room.guest_access', state_key: '', content: guestAccess },
    { type: 'm.room.join_rules', state_key: '', content: joinRules(contentOf(old, 'm.room.join_rules'), rules) },
    ...childrenOf(old),
  ]
}

/** A rule that the new version does not know lets nobody in, so the nearest one that it knows. */
function joinRules(content: JsonObject | undefined, rules: RoomVersionRules): JsonObject {
  const rule = content?.join_rule
  const isKnown =
    rule === 'public' ||
    (rule === 'knock' && rules.knock) ||
    (rule === 'restricted' && rules.restricted) ||
    (rule === 'knock_restricted' && rules.knockRestricted)
  return content && isKnown ? content : { join_rule: 'invite' }
}

/** The rooms of a space; what was taken out of it is empty. */
function childrenOf({ createEvent, state }: Room) {
  if (createEvent.pdu.content.type !== 'm.space') return []
  return [...state.values()].flatMap(({ pdu: { type, state_key, content } }) =>
    type === 'm.space.child' && state_key !== undefined && Array.isArray(content.via)
      ? [{ type, state_key, content }]
      : [],
  )
}

async function copyBans({ rooms, sendEvent }: Needs, old: Room, replacement: RoomId, userId: UserId): Promise<void> {
  for (const { pdu } of await rooms.readMembers(old)) {
    if (pdu.content.membership !== 'ban' || pdu.state_key === undefined) continue
    const { reason } = pdu.content
    const content = { membership: 'ban', ...(typeof reason === 'string' && { reason }) }
    await sendEvent(replacement, { type: 'm.room.member', stateKey: pdu.state_key, sender: userId, content }).catch(
      ignoreRefusal,
    )
  }
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
  const here = new Set<unknown>(aliases)
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

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MatrixError)) throw error
}
