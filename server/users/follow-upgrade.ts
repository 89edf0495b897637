/**
 * What a user keeps about a room follows them into the room that replaces it: tags, whether it is a direct chat,
 * and push rules of their own. The server does it, so that every client of theirs finds it.
 *
 * It happens when the user has joined the new room and the old one says that it was replaced by it (a
 * create event alone may claim anything), whichever comes last; and once: what the user changes afterwards stays.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
import { isJsonObject, stateKeyOf } from '../events/pdu.js'
import {
  parseRoomId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { PushRule } from '../push/default-push-rules.js'
import type { Room, Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import type { Change } from '../store/writes.js'
import type { AccountData, Content } from './account-data.js'

type Needs = {
  db: Pick<Database, 'onCommitted'>
  rooms: Pick<Rooms, 'get' | 'membershipsOf' | 'readMembershipHistory'>
  changeAccountData: AccountData['changeAccountData']
  readAccountData: AccountData['readAccountData']
  serverName: ServerName
  logger: Logger
}

/** Begins to listen. @returns the end of it, which waits for what is under way */
export function startFollowingUpgrades({ db, rooms, serverName, logger, ...data }: Needs): () => Promise<void> {
  let work: Promise<unknown> = Promise.resolve()

  const read = (userId: UserId, roomId: RoomId | undefined, type: string): Promise<Content | undefined> =>
    data.readAccountData(userId, roomId, type).catch(() => undefined)

  async function follow(userId: UserId, from: RoomId, to: RoomId): Promise<void> {
    if ((await rooms.membershipsOf(userId)).get(from)?.membership !== 'join') return
    const tags = await read(userId, from, 'm.tag')
    if (tags && !(await read(userId, to, 'm.tag')))
      await data.changeAccountData(userId, to, 'm.tag', (present) => present ?? tags)
    for (const [type, carry] of [
      ['m.direct', carryDirect],
      ['m.push_rules', carryPushRules],
    ] as const) {
      const content = await read(userId, undefined, type)
      if (content && carry(content, from, to) !== content)
        await data.changeAccountData(userId, undefined, type, (now) => carry(now ?? {}, from, to))
    }
  }

  async function joined(userId: UserId, room: Room): Promise<void> {
    const from = predecessorOf(room)
    const old = from && (await rooms.get(from))
    if (!from || !old || replacementOf(old) !== room.roomId) return
    const joins = (await rooms.readMembershipHistory(room.roomId, userId)).filter(
      ({ membership }) => membership === 'join',
    )
    if (joins.length === 1) await follow(userId, from, room.roomId)
  }

  async function replaced(old: Room): Promise<void> {
    const to = replacementOf(old)
    const room = to && (await rooms.get(to))
    if (!to || !room || predecessorOf(room) !== old.roomId) return
    for (const [userId, membership] of room.localMembers)
      if (membership === 'join') await follow(userId, old.roomId, to)
  }

  async function look(change: Change & { kind: 'event' }): Promise<void> {
    const room = await rooms.get(change.roomId)
    if (!room) return
    if (change.type === 'm.room.tombstone') await replaced(room)
    else await joined(change.stateKey as UserId, room)
  }

  const stop = db.onCommitted('notify', (changes) => {
    for (const change of changes)
      if (change.kind === 'event' && change.isCurrentState && isWorthALook(serverName, change))
        work = work
          .then(() => look(change))
          .catch((error: unknown) => logger.warn({ err: error, roomId: change.roomId }, 'an upgrade was not followed'))
  })
  return async () => {
    stop()
    await work
  }
}

function isWorthALook(own: ServerName, { type, stateKey, pdu }: Change & { kind: 'event' }): boolean {
  if (type === 'm.room.tombstone') return stateKey === ''
  const userId = type === 'm.room.member' ? parseUserId(stateKey) : undefined
  return userId !== undefined && serverNameOf(userId) === own && (pdu.content as Content).membership === 'join'
}

function predecessorOf({ createEvent }: Room): RoomId | undefined {
  const { predecessor } = createEvent.pdu.content
  return isJsonObject(predecessor) ? parseRoomId(predecessor.room_id) : undefined
}

const replacementOf = ({ state }: Room): RoomId | undefined =>
  parseRoomId(state.get(stateKeyOf('m.room.tombstone', ''))?.pdu.content.replacement_room)

/** By person: the new room beside the old one. @returns the same object where nothing changes */
export function carryDirect(content: Content, from: RoomId, to: RoomId): Content {
  const entries = Object.entries(content)
  const isAffected = (rooms: unknown): rooms is unknown[] =>
    Array.isArray(rooms) && rooms.includes(from) && !rooms.includes(to)
  if (!entries.some(([, rooms]) => isAffected(rooms))) return content
  return Object.fromEntries(entries.map(([user, rooms]) => [user, isAffected(rooms) ? [...rooms, to] : rooms]))
}

/** The user's rules about the old room, again for the new one. @returns the same object where nothing changes */
export function carryPushRules(content: Content, from: RoomId, to: RoomId): Content {
  const global = isJsonObject(content.global) ? (content.global as Record<string, PushRule[] | undefined>) : {}
  const carried: Record<string, PushRule[]> = {}
  for (const kind of ['override', 'room'] as const) {
    const rules = global[kind] ?? []
    const rule = rules.find(({ rule_id }) => rule_id === from)
    if (!rule || rules.some(({ rule_id }) => rule_id === to)) continue
    const conditions = rule.conditions?.map((condition) =>
      condition.pattern === from ? { ...condition, pattern: to } : condition,
    )
    carried[kind] = [...rules, { ...rule, rule_id: to, ...(conditions && { conditions }) }]
  }
  return Object.keys(carried).length === 0 ? content : { ...content, global: { ...global, ...carried } }
}
