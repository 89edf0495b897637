/**
 * Reads what a gateway is told of a queued event, at the moment of telling: the room as it is then, and nothing at all of
 * what was read, redacted or left meanwhile.
 */
import { isJsonObject, type JsonObject, stateKeyOf } from '../events/pdu.js'
import type { EventId, RoomId, UserId } from '../kernel/identifiers.js'
import { roomName } from '../live/projector/room-name.js'
import type { Room, Rooms } from '../rooms/room.js'
import type { PushRow } from '../store/push-queue-store.js'
import { isRead, type ReadReading } from '../sync/read-reading.js'
import type { RoomSummary } from '../sync/room-summary.js'
import type { ReadThreadOf } from '../sync/thread-of.js'
import type { Told } from './notification.js'

type Needs = {
  rooms: Pick<Rooms, 'get' | 'readTimeline' | 'readMember' | 'membershipsOf'>
  readReading: ReadReading
  readThreadOf: ReadThreadOf
  readSummary(room: Room, userId: UserId): Promise<RoomSummary>
}

/** Undefined for what is not to be told any more. */
export type DescribePush = (userId: UserId, row: PushRow) => Promise<Told | undefined>

export function makeDescribePush(needs: Needs): DescribePush {
  const { rooms } = needs

  async function nameOf(room: Room, userId: UserId): Promise<string | undefined> {
    const member = await rooms.readMember(room, userId)
    return textOf(member?.pdu.content, 'displayname')
  }

  async function describeRoom(room: Room, userId: UserId): Promise<Pick<Told, 'roomName' | 'roomAlias'>> {
    const own = (type: string, field: string) => textOf(room.state.get(stateKeyOf(type, ''))?.pdu.content, field)
    const [name, alias] = [own('m.room.name', 'name'), own('m.room.canonical_alias', 'alias')]
    const { heroes, joinedCount, invitedCount } = await needs.readSummary(room, userId)
    const named = await Promise.all(
      heroes.map(async (hero) => ({
        ...{ userId: hero, avatarUrl: undefined },
        displayName: await nameOf(room, hero),
      })),
    )
    return {
      roomName: roomName({ name, alias, heroes: named, memberCount: joinedCount + invitedCount }),
      roomAlias: alias,
    }
  }

  async function describeEvent(room: Room, userId: UserId, seq: number): Promise<Told | undefined> {
    const [event] = await rooms.readTimeline(room.roomId, seq, seq)
    if (!event || event.redactedBy) return undefined
    const { pdu, eventId } = event
    const isInvitation = pdu.type === 'm.room.member' && pdu.state_key === userId
    if (room.localMembers.get(userId) !== (isInvitation ? 'invite' : 'join')) return undefined
    if (isRead(await needs.readReading(userId, room.roomId), seq, await needs.readThreadOf(event))) return undefined
    return {
      ...{ eventId, roomId: room.roomId, type: pdu.type, sender: pdu.sender, content: pdu.content },
      stateKey: pdu.state_key,
      senderDisplayName: await nameOf(room, pdu.sender),
      ...(await describeRoom(room, userId)),
    }
  }

  return async (userId, { room_id: roomId, event_id: eventId, seq }) => {
    if (seq === undefined) return describeOutsideInvite(rooms, userId, roomId, eventId)
    const room = await rooms.get(roomId)
    return room && describeEvent(room, userId, seq)
  }
}

/** An invitation to a room that this server is not in: what came with it. Undefined for one that is no more. */
export async function describeOutsideInvite(
  rooms: Pick<Rooms, 'membershipsOf'>,
  userId: UserId,
  roomId: RoomId,
  eventId?: EventId,
): Promise<(Told & { eventId: EventId; sender: UserId }) | undefined> {
  const held = (await rooms.membershipsOf(userId)).get(roomId)
  if (held?.membership !== 'invite' || held.seq !== undefined || (eventId && held.eventId !== eventId)) return undefined
  const find = (type: string, key: string) =>
    held.stripped?.find((event) => event.type === type && event.state_key === key)?.content
  return {
    ...{ eventId: held.eventId, roomId, type: 'm.room.member', sender: held.sender, stateKey: userId },
    content: { ...asObject(find('m.room.member', userId)), membership: 'invite' },
    senderDisplayName: textOf(find('m.room.member', held.sender), 'displayname'),
    roomName: textOf(find('m.room.name', ''), 'name'),
    roomAlias: textOf(find('m.room.canonical_alias', ''), 'alias'),
  }
}

const asObject = (value: unknown): JsonObject => (isJsonObject(value) ? value : {})

function textOf(content: unknown, field: string): string | undefined {
  const value = asObject(content)[field]
  return typeof value === 'string' && value !== '' ? value : undefined
}
