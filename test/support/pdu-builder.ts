/**
 * Rooms and events for tests of the pure core: real IDs, chosen auth events, no signatures unless
 * asked for, and a clock that ticks one millisecond per event.
 */

import { authEventKeys } from '../../server/events/auth-rules/index.js'
import { toPduEvent } from '../../server/events/event-id.js'
import { type JsonObject, type Pdu, type PduEvent, type StateMap, stateKeyOf } from '../../server/events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../../server/events/room-versions.js'
import { type EventId, parseUserId, type RoomId, type UserId } from '../../server/kernel/identifiers.js'

export function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersionRules(version)
  if (!rules) throw new Error(`no rules for room version ${version}`)
  return rules
}

export function user(id: string): UserId {
  const userId = parseUserId(id)
  if (!userId) throw new Error(`not a user ID: ${id}`)
  return userId
}

export type EventInput = {
  type: string
  sender: string
  stateKey?: string
  content?: JsonObject
  /** State that the auth events are chosen from; the room's own by default. */
  state?: StateMap
  /** Instead of the chosen ones. */
  authEvents?: readonly PduEvent[]
  /** Instead of the room's last event. */
  prevEvents?: readonly PduEvent[]
  ts?: number
  depth?: number
  /** Further top-level members, or others in place of what was built. */
  members?: JsonObject
}

export type RoomInput = { version?: string; creator?: string; createContent?: JsonObject }

/** A room that holds every event made in it, and the state after those that were applied. */
export class RoomBuilder {
  readonly rules: RoomVersionRules
  readonly events = new Map<EventId, PduEvent>()
  readonly create: PduEvent
  readonly creator: UserId
  state: Map<string, EventId> = new Map()
  private clock = 1_000_000
  private last: PduEvent | undefined
  private serial = 0

  constructor({ version = '11', creator = '@alice:a.example', createContent = {} }: RoomInput = {}) {
    this.rules = rulesOf(version)
    this.creator = user(creator)
    const content = {
      room_version: version,
      ...(this.rules.creatorIs === 'content.creator' ? { creator } : {}),
      ...createContent,
    }
    this.create = this.apply(this.event({ type: 'm.room.create', sender: creator, stateKey: '', content }))
  }

  get roomId(): RoomId {
    return this.create.roomId
  }

  readonly fetch = (id: EventId): PduEvent | undefined => this.events.get(id)

  /** Makes an event and remembers it; the room's state stays as it is. */
  event(input: EventInput): PduEvent {
    const { type, sender, stateKey, content = {} } = input
    const chosen = input.authEvents ?? this.chooseAuthEvents(input)
    const prev = input.prevEvents ?? (this.last ? [this.last] : [])
    const ts = input.ts ?? this.clock++
    const pdu = {
      type,
      sender: user(sender),
      ...(stateKey === undefined ? {} : { state_key: stateKey }),
      ...this.idMembers(type),
      content,
      origin_server_ts: ts,
      depth: input.depth ?? Math.max(0, ...prev.map((event) => event.pdu.depth)) + 1,
      auth_events: chosen.map((event) => this.reference(event)),
      prev_events: prev.map((event) => this.reference(event)),
      hashes: { sha256: '' },
      signatures: {},
      ...input.members,
    } as Pdu
    const event = toPduEvent(pdu, this.rules)
    this.events.set(event.eventId, event)
    return event
  }

  /** Makes an event the room's last one, and its state if it is a state event. */
  apply(event: PduEvent): PduEvent {
    this.last = event
    if (event.pdu.state_key !== undefined)
      this.state = new Map(this.state).set(stateKeyOf(event.pdu.type, event.pdu.state_key), event.eventId)
    return event
  }

  /** `apply(event(input))`. */
  send(input: EventInput): PduEvent {
    return this.apply(this.event(input))
  }

  member(userId: string, membership: string, input: Partial<EventInput> = {}): PduEvent {
    const content = { membership, ...input.content }
    return this.send({ type: 'm.room.member', sender: userId, stateKey: userId, ...input, content })
  }

  joinRule(rule: string, extra: JsonObject = {}): PduEvent {
    const content = { join_rule: rule, ...extra }
    return this.send({ type: 'm.room.join_rules', sender: this.creator, stateKey: '', content })
  }

  powerLevels(content: JsonObject, input: Partial<EventInput> = {}): PduEvent {
    return this.send({ type: 'm.room.power_levels', sender: this.creator, stateKey: '', content, ...input })
  }

  authEventsOf(event: PduEvent): PduEvent[] {
    return event.pdu.auth_events.map((entry) => {
      const found = this.events.get(typeof entry === 'string' ? entry : entry[0])
      if (!found) throw new Error('an auth event that this room does not have')
      return found
    })
  }

  /** Lookup in a state, the room's current one by default; in the form the auth rules want. */
  lookup(state: StateMap = this.state) {
    return (type: string, stateKey: string): PduEvent | undefined => {
      const id = state.get(stateKeyOf(type, stateKey))
      return id === undefined ? undefined : this.events.get(id)
    }
  }

  private chooseAuthEvents({ type, sender, stateKey, content = {}, state }: EventInput): PduEvent[] {
    const get = this.lookup(state)
    const subject = { type, sender: user(sender), content, ...(stateKey === undefined ? {} : { state_key: stateKey }) }
    return authEventKeys(subject, this.rules)
      .map((key) => get(...key))
      .filter((event) => event !== undefined)
  }

  private idMembers(type: string): JsonObject {
    const isFirst = type === 'm.room.create' && this.create === undefined
    const domain = this.creator.slice(this.creator.indexOf(':') + 1)
    const roomId = isFirst ? (this.rules.roomIdIsCreateHash ? undefined : `!room:${domain}`) : this.roomId
    return {
      ...(roomId === undefined ? {} : { room_id: roomId }),
      ...(this.rules.eventIdFormat === 'opaque' ? { event_id: `$event${this.serial++}:${domain}` } : {}),
    }
  }

  private reference(event: PduEvent) {
    return this.rules.hasReferencePairs ? [event.eventId, { sha256: 'hash' }] : event.eventId
  }
}

/** A room whose creator has joined. */
export function buildRoom(input: RoomInput = {}): RoomBuilder {
  const room = new RoomBuilder(input)
  room.member(room.creator, 'join')
  return room
}

/** One of several lines of events that grow from the same point of a room. */
export class Branch {
  state: Map<string, EventId>

  constructor(
    private readonly room: RoomBuilder,
    private last: PduEvent,
    state: StateMap = room.state,
  ) {
    this.state = new Map(state)
  }

  /** Adds an event whose prev event and auth events are this branch's. */
  send(input: EventInput): PduEvent {
    const event = this.room.event({ state: this.state, prevEvents: [this.last], ...input })
    this.last = event
    if (event.pdu.state_key !== undefined)
      this.state.set(stateKeyOf(event.pdu.type, event.pdu.state_key), event.eventId)
    return event
  }

  member(userId: string, membership: string, sender = userId, ts?: number): PduEvent {
    const content = { membership }
    return this.send({ type: 'm.room.member', sender, stateKey: userId, content, ...(ts === undefined ? {} : { ts }) })
  }

  /** Another branch from here. */
  fork(): Branch {
    return new Branch(this.room, this.last, this.state)
  }
}
