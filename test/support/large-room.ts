/** A room of thousands as another server tells it when one of ours joins: what `importRoom` is given. */
import type { Pdu, PduEvent } from '../../server/events/pdu.js'
import { stateKeyOf } from '../../server/events/pdu.js'
import { roomVersionRules } from '../../server/events/room-versions.js'
import type { EventId, RoomId, UserId } from '../../server/kernel/identifiers.js'
import { buildUnsignedEvent, type Signer, signEvent } from '../../server/rooms/build-event.js'
import type { ImportRoomRequest } from '../../server/rooms/import-room.js'
import { makeEmptySnapshot, toExtremity } from '../../server/rooms/snapshot.js'
import { user } from './rooms.js'

const rules = roomVersionRules('11')!
export const largeRoomId = '!large:s0.test' as RoomId
const roomId = largeRoomId
const admin = user('admin', 's0.test')
const idOf = (name: string) => `$${name.replaceAll(' ', '-').padEnd(43, '-')}` as EventId

/** Nobody verifies these any more: whoever imports a room has. */
function event(name: string, pdu: Partial<Pdu> & Pick<Pdu, 'type' | 'sender' | 'content'>): PduEvent {
  return {
    eventId: idOf(name),
    roomId,
    pdu: {
      room_id: roomId,
      origin_server_ts: 1_700_000_000_000,
      depth: 5,
      auth_events: [],
      prev_events: [],
      hashes: { sha256: 'Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmE' },
      signatures: { 's0.test': { 'ed25519:1': 'c2lnbmF0dXJl'.repeat(7) } },
      ...pdu,
    },
  }
}

export const memberOf = (n: number): UserId => user(`user${n}`, `s${n % 500}.test`)

/** @param joiner one of ours, who signs; one in ten of the others has left */
export function makeLargeRoom(count: number, joiner: UserId, signer: Signer, name = 'A large room'): ImportRoomRequest {
  const auth_events = ['create', 'levels', 'rules'].map(idOf)
  const create = event('create', {
    type: 'm.room.create',
    state_key: '',
    sender: admin,
    content: { room_version: '11' },
  })
  const others = [
    event('levels', {
      type: 'm.room.power_levels',
      state_key: '',
      sender: admin,
      content: { users: { [admin]: 100 } },
    }),
    event('rules', { type: 'm.room.join_rules', state_key: '', sender: admin, content: { join_rule: 'public' } }),
    event(`name ${name}`, { type: 'm.room.name', state_key: '', sender: admin, content: { name } }),
  ]
  const members = Array.from({ length: count }, (_, n) => {
    const sender = memberOf(n)
    const content = { membership: n % 10 === 9 ? 'leave' : 'join', displayname: `User ${n}` }
    return event(`member${n}`, { type: 'm.room.member', state_key: sender, sender, content, auth_events })
  })
  const state = new Map([create, ...others].map((each) => [stateKeyOf(each.pdu.type, ''), each]))
  const room = {
    ...makeEmptySnapshot(create, rules, signer.serverName),
    state,
    extremities: [toExtremity(members.at(-1)!, 0, rules)],
  }
  const draft = { type: 'm.room.member', stateKey: joiner, sender: joiner, content: { membership: 'join' } }
  const { event: joinEvent } = signEvent(buildUnsignedEvent(room, draft, state, Date.now()), rules, signer)
  return { roomId, rules, createEvent: create, state: [...others, ...members], authChain: [], joinEvent }
}
