/**
 * Upgrades a room: a new one of another version that takes over what the old one was, and a tombstone in the old.
 *
 *  1. The tombstone is made, but not sent: below version 12 the new room's create event names it. From version 12
 *     the room's ID is the hash of that event, so the tombstone can only be made after it.
 *  2. The new room, in which who upgrades may do everything until it is whole: settings, children of a space, bans.
 *  3. The tombstone; addresses and the place in the directory and in spaces move over.
 *  4. The levels of the new room become what those of the old one were; the old one is closed.
 *
 * One upgrade of a room at a time. Who asked for the same while one was under way gets its room. One that breaks off is
 * brought to its end at the next start (finish-upgrade.ts): a mark is kept from before the first step to after the last.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
import { checkAgainstState } from '../events/auth-rules/index.js'
import { type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../events/room-versions.js'
import { levelsOfClosedRoom, levelsOfReplacement, levelsWhileMaking } from '../events/upgrade-levels.js'
import { randomId } from '../kernel/clock.js'
import { forbidden, MatrixError, notFound } from '../kernel/errors.js'
import { parseRoomId, type RoomId, type UserId } from '../kernel/identifiers.js'
import { type RoomUpgradeRow, readRoomUpgrade, readRoomUpgrades, setRoomUpgrade } from '../store/room-upgrade-store.js'
import type { AcceptPdu } from './accept-pdu.js'
import { draftEvent, type Signer, signEvent } from './build-event.js'
import type { CreateRoom } from './create-room.js'
import { findReplacement, finishUpgrade, ignoreRefusal, undoUpgrade } from './finish-upgrade.js'
import { makeKeyedLock } from './keyed-lock.js'
import type { Room } from './room.js'
import { checkRoomPermission } from './room-permission.js'
import type { RoomsForWriting } from './rooms.js'
import { destinationsOf, type SendEvent } from './send-event.js'

export type UpgradeRoomRequest = { roomId: RoomId; userId: UserId; newVersion: string; additionalCreators?: UserId[] }
export type UpgradeRoom = (request: UpgradeRoomRequest) => Promise<RoomId>

export type UpgradeRooms = {
  upgradeRoom: UpgradeRoom
  /** Brings to an end what a crash broke off: on, where the tombstone is in the old room, else back. */
  resumeUpgrades(): Promise<void>
}

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

export function makeUpgradeRoom(needs: Needs): UpgradeRooms {
  const { rooms, sendEvent } = needs
  const locked = makeKeyedLock()

  async function upgrade(old: Room, rules: RoomVersionRules, request: UpgradeRoomRequest): Promise<RoomId> {
    const { userId, additionalCreators = [] } = request
    const creators = rules.creatorsAbovePowerLevels ? [userId, ...additionalCreators] : [userId]
    const plan = { content: contentOf(old, 'm.room.power_levels'), create: old.createEvent, rules: old.rules }
    const levels = levelsOfReplacement(plan, { rules, creators })
    const whileMaking = levelsWhileMaking(levels, userId, rules)
    const ahead = rules.roomIdIsCreateHash ? undefined : await makeTombstone(needs, old, userId)

    const mark: RoomUpgradeRow = {
      ...{ room_id: old.roomId, user_id: userId, started_at: needs.signer.now() },
      ...(ahead && { replacement: ahead.replacement }),
      ...(whileMaking && { levels: JSON.stringify(levels) }),
      closed: JSON.stringify(levelsOfClosedRoom(plan.content, old.rules)),
    }
    await rooms.db.commit(() => ({ writes: [setRoomUpgrade(mark)], changes: [], result: undefined }))
    let replacement: RoomId
    try {
      replacement = await needs.createRoom({
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
    } catch (error) {
      if (error instanceof MatrixError) await undoUpgrade(needs, mark)
      throw error
    }
    await finishUpgrade(needs, mark, replacement)
    return replacement
  }

  /** Brings an upgrade to its end that broke off. @returns the new room, where it came so far that there is one */
  async function settle(mark: RoomUpgradeRow): Promise<RoomId | undefined> {
    const replacement = await findReplacement(needs, mark)
    if (replacement) await finishUpgrade(needs, mark, replacement)
    else await undoUpgrade(needs, mark)
    return replacement
  }

  const upgradeRoom: UpgradeRoom = async (request) => {
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
      const broken = await readRoomUpgrade(rooms.db, roomId)
      return (broken && (await settle(broken))) ?? upgrade((await rooms.get(roomId)) ?? old, rules, request)
    })
  }

  return {
    upgradeRoom,
    async resumeUpgrades() {
      for (const { room_id: roomId } of await readRoomUpgrades(rooms.db))
        await locked(roomId, async () => {
          const mark = await readRoomUpgrade(rooms.db, roomId)
          if (mark) await settle(mark)
        })
    },
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
