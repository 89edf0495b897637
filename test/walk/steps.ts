/** What may happen next: each step is one thing that a user, another server or the disk does. */
import type { PduEvent } from '../../server/events/pdu.js'
import type { EventId, RoomId } from '../../server/kernel/identifiers.js'
import type { Room } from '../../server/rooms/room.js'
import type { Random } from './random.js'
import { alice, locals, remotes, type World } from './world.js'

/** What the walker remembers between steps. */
export type Memory = {
  /** The rooms as the other server saw them at some time: it builds on them still. */
  views: Room[]
  /** Events of the other server that were not handed over yet. */
  held: PduEvent[]
  /** Events that were acknowledged, by room. */
  acknowledged: Map<RoomId, Set<EventId>>
  words: number
}

type Step = (world: World, random: Random, memory: Memory, roomId: RoomId) => Promise<unknown>

const text = (memory: Memory) => ({ msgtype: 'm.text', body: `word ${memory.words++}` })

const note = (memory: Memory, roomId: RoomId, eventId: EventId) => {
  const known = memory.acknowledged.get(roomId) ?? new Set()
  memory.acknowledged.set(roomId, known.add(eventId))
}

/** Some event of the room's last ones, shown or not. */
function someEvent(random: Random, { recent }: Room): EventId {
  return random.pick(recent).eventId
}

const send: Step = async ({ hs }, random, memory, roomId) =>
  note(
    memory,
    roomId,
    await hs.sendEvent(roomId, { type: 'm.room.message', sender: random.pick(locals), content: text(memory) }),
  )

const setState: Step = async ({ hs }, random, memory, roomId) =>
  note(
    memory,
    roomId,
    await hs.sendEvent(roomId, {
      ...{ type: random.pick(['m.room.topic', 'm.room.name']), stateKey: '', sender: alice },
      content: { topic: `topic ${memory.words}`, name: `name ${memory.words++}` },
    }),
  )

const redact: Step = async ({ hs, roomOf }, random, memory, roomId) =>
  note(
    memory,
    roomId,
    await hs.sendEvent(roomId, {
      ...{ type: 'm.room.redaction', sender: random.pick(locals) },
      content: { redacts: someEvent(random, await roomOf(roomId)) },
    }),
  )

const changeMember: Step = async ({ hs }, random, _, roomId) => {
  const target = random.pick([...locals.slice(1), ...remotes])
  const how = random.pick(['join', 'leave', 'ban', 'unban', 'invite', 'kick'] as const)
  switch (how) {
    case 'join':
      return hs.joinRoom({ roomId, sender: random.pick(locals.slice(1)) })
    case 'leave':
      return hs.leaveRoom({ roomId, sender: random.pick(locals.slice(1)) })
    case 'ban':
      return hs.banUser({ roomId, sender: alice, target })
    case 'unban':
      return hs.unbanUser({ roomId, sender: alice, target })
    case 'invite':
      return hs.inviteUser({ roomId, sender: alice, target: random.pick(locals.slice(1)) })
    case 'kick':
      return hs.kickUser({ roomId, sender: alice, target })
  }
}

/** An event of the other server on the room as it sees it, which may be as it was long ago. */
function remoteEvent({ build, join }: World, random: Random, memory: Memory, view: Room): Promise<PduEvent> {
  const sender = random.pick(remotes)
  const kind = random.integer(10)
  if (kind < 4) return build(view, { type: 'm.room.message', sender, content: text(memory) })
  if (kind < 6)
    return build(view, { type: 'm.room.topic', stateKey: '', sender, content: { topic: `theirs ${memory.words++}` } })
  if (kind < 8) return build(view, join(sender))
  const redacts =
    random.chance(0.3) && memory.held.length > 0 ? random.pick(memory.held).eventId : someEvent(random, view)
  return build(view, { type: 'm.room.redaction', sender, content: { redacts } })
}

async function accept(world: World, memory: Memory, event: PduEvent, room?: Room): Promise<void> {
  const { hs } = world
  const { roomId } = event
  const stateBefore = room && (await hs.rooms.readStateNode(roomId, room.node))
  const acceptance = await hs.acceptPdu(roomId, event, stateBefore ? { stateBefore } : {})
  if (acceptance.status !== 'missing') note(memory, roomId, event.eventId)
}

const receive: Step = async (world, random, memory, roomId) => {
  const view = await world.roomOf(roomId)
  memory.views.push(view)
  if (memory.views.length > 12) memory.views.shift()
  await accept(world, memory, await remoteEvent(world, random, memory, view))
}

const receiveFork: Step = async (world, random, memory, roomId) => {
  const views = memory.views.filter((view) => view.roomId === roomId)
  const view = views.length > 0 ? random.pick(views) : await world.roomOf(roomId)
  const event = await remoteEvent(world, random, memory, view)
  if (random.chance(0.3)) memory.held.push(event)
  else await accept(world, memory, event)
}

const receiveHeld: Step = async (world, random, memory) => {
  const event = memory.held.splice(random.integer(memory.held.length + 1), 1)[0]
  if (event) await accept(world, memory, event)
}

const receiveAgain: Step = async (world, random, memory, roomId) => {
  const { recent } = await world.roomOf(roomId)
  const { eventId, roomId: ofRoom, pdu } = random.pick(recent)
  await accept(world, memory, { eventId, roomId: ofRoom, pdu })
}

/** Somebody looks at things while they move. */
const look: Step = async ({ hs, roomOf }, random, _, roomId) => {
  const { recent } = await roomOf(roomId)
  await hs.rooms.readEvents(recent.slice(-random.integer(20)).map(({ eventId }) => eventId))
  await hs.rooms.membershipsOf(random.pick(locals))
}

export const steps: readonly Step[] = [
  ...[send, send, send, setState, redact, changeMember, changeMember],
  ...[receive, receive, receiveFork, receiveFork, receiveHeld, receiveAgain, look],
]
