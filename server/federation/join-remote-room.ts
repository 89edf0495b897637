/**
 * Joins a room through another server.
 *
 * 1. make_join. 2. send_join. 3. Every event of the answer: format, signatures, hash. 4. Each against
 * its own auth events; what fails is kept as rejected and is no state. 5. The join against the state
 * that is left. 6. The room is taken over. A server that fails at any step is followed by the next.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
import { checkAgainstState, checkAuthRules } from '../events/auth-rules/index.js'
import { authEventIds, isState, type JsonObject, type PduEvent, stateKeyOf } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import type { EventId, RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { ImportRoom } from '../rooms/import-room.js'
import { isHere, type Rooms } from '../rooms/room.js'
import { pathOf } from './federation-client.js'
import { FederationError, toClientError } from './federation-error.js'
import type { AcceptFetching } from './fetch-missing.js'
import type { InsertOutliers } from './insert-outliers.js'
import { judgeByAuthEvents } from './judge-by-auth-events.js'
import { makeKeyedQueue } from './keyed-queue.js'
import { type HandshakeNeeds, makeSignedMember, type SignedTemplate, tryServers } from './remote-handshake.js'
import type { VerifyPdus } from './verify-pdus.js'

export type JoinRemoteRoom = (request: {
  roomId: RoomId
  userId: UserId
  via: ServerName[]
  content: JsonObject
}) => Promise<void>

type Needs = HandshakeNeeds & {
  rooms: Pick<Rooms, 'get'>
  verifyPdus: VerifyPdus
  importRoom: ImportRoom
  insertOutliers: InsertOutliers
  acceptFetching: AcceptFetching
}

/** A room of some fifty thousand members; more than that and the answer is not read to its end. */
const answerLimits = { timeoutMs: 120_000, maxBytes: 128 * 1024 * 1024 }

export function makeJoinRemoteRoom(needs: Needs): JoinRemoteRoom {
  // Two users who join the same room at once: the second finds it here.
  const oneAtATime = makeKeyedQueue<RoomId>()

  async function joinThrough(via: ServerName, request: Parameters<JoinRemoteRoom>[0]): Promise<void> {
    const { roomId, userId, content } = request
    const template = await makeSignedMember(needs, via, { roomId, userId, membership: 'join', content })
    const answer = await needs.client.request({
      destination: via,
      method: 'PUT',
      path: pathOf('/_matrix/federation/v2/send_join/:roomId/:eventId', { roomId, eventId: template.event.eventId }),
      content: { ...template.event.pdu },
      ignoreBackoff: true,
      ...answerLimits,
    })
    const joinEvent = await readJoinEvent(needs, via, answer.event, template)
    const room = await needs.rooms.get(roomId)
    if (room && isHere(room)) {
      const acceptance = await needs.acceptFetching(room, joinEvent, via)
      if (acceptance.status !== 'accepted' && acceptance.status !== 'known')
        throw new FederationError(via, 'bad-answer', `the join it made is ${acceptance.status} here`)
      return
    }
    const joined = await judgeAnswer(needs, via, answer, { roomId, rules: template.rules, joinEvent })
    await needs.insertOutliers(roomId, template.rules, joined.rejected)
    await needs.importRoom({ roomId, rules: template.rules, joinEvent, ...joined })
  }

  return (request) =>
    oneAtATime.run(request.roomId, async () => {
      try {
        await tryServers(request.via, needs.log, (via) => joinThrough(via, request))
      } catch (error) {
        throw toClientError(error)
      }
    })
}

/** The answer may bring the event back with the signature of the server that authorised the join. */
async function readJoinEvent(
  needs: Needs,
  via: ServerName,
  value: unknown,
  { event, rules }: SignedTemplate,
): Promise<PduEvent> {
  const isAuthorised = typeof event.pdu.content.join_authorised_via_users_server === 'string'
  if (!isAuthorised) return event
  const [verdict] = await needs.verifyPdus([value], rules)
  if (!verdict?.ok || verdict.isRedacted || verdict.event.eventId !== event.eventId)
    throw new FederationError(via, 'bad-answer', 'the join it sent back is not the one that was sent, or not signed')
  return verdict.event
}

type Joined = { createEvent: PduEvent; state: PduEvent[]; authChain: PduEvent[]; rejected: PduEvent[] }

async function judgeAnswer(
  needs: Needs,
  via: ServerName,
  answer: JsonObject,
  context: { roomId: RoomId; rules: RoomVersionRules; joinEvent: PduEvent },
): Promise<Joined> {
  const { roomId, rules, joinEvent } = context
  const bad = (detail: string) => new FederationError(via, 'bad-answer', detail)
  if (!Array.isArray(answer.state) || !Array.isArray(answer.auth_chain)) throw bad('sent neither state nor auth chain')
  const [state, chain] = await Promise.all([
    verified(needs, roomId, rules, answer.state),
    verified(needs, roomId, rules, answer.auth_chain),
  ])
  const createEvent = [...state.values(), ...chain.values()].find(({ pdu }) => pdu.type === 'm.room.create')
  if (!createEvent) throw bad('sent no create event of the room')
  if ((createEvent.pdu.content.room_version ?? '1') !== rules.version)
    throw bad('named another room version than the create event')

  const all = [...new Map([...chain, ...state]).values()]
  const judged = await judgeByAuthEvents(all, new Map(), { roomId, rules, createEvent, clock: needs.clock })
  const accepted = new Map(judged.accepted.map((event) => [event.eventId, event]))
  if (!accepted.has(createEvent.eventId)) throw bad('its create event is against the rules')
  needs.log.info(
    {
      roomId,
      via,
      events: all.length,
      accepted: accepted.size,
      rejected: judged.rejected.length,
      incomplete: judged.missing.size,
    },
    'the answer to a join was judged',
  )
  const own = uniqueState([...state.values()].filter(({ eventId }) => accepted.has(eventId)))
  checkJoin(joinEvent, own, accepted, createEvent, rules, bad)
  return { createEvent, state: [...own.values()], authChain: judged.accepted, rejected: judged.rejected }
}

async function verified(
  needs: Needs,
  roomId: RoomId,
  rules: RoomVersionRules,
  values: readonly unknown[],
): Promise<Map<EventId, PduEvent>> {
  const events = new Map<EventId, PduEvent>()
  for (const verdict of await needs.verifyPdus(values, rules)) {
    if (!verdict.ok)
      needs.log.info({ roomId, eventId: verdict.eventId, reason: verdict.reason }, 'an event of a join was refused')
    else if (verdict.event.roomId === roomId && isState(verdict.event.pdu))
      events.set(verdict.event.eventId, verdict.event)
  }
  return events
}

/** A state has one event per type and state key; of two the later in the list wins, as if set later. */
const uniqueState = (events: readonly PduEvent[]): Map<string, PduEvent> =>
  new Map(events.map((event) => [stateKeyOf(event.pdu.type, event.pdu.state_key ?? ''), event]))

function checkJoin(
  joinEvent: PduEvent,
  state: ReadonlyMap<string, PduEvent>,
  accepted: ReadonlyMap<EventId, PduEvent>,
  createEvent: PduEvent,
  rules: RoomVersionRules,
  bad: (detail: string) => FederationError,
): void {
  const auth = authEventIds(joinEvent.pdu).map((id) => accepted.get(id))
  if (auth.some((event) => event === undefined)) throw bad('did not send the auth events of the join')
  const byAuthEvents = checkAuthRules(joinEvent, auth as PduEvent[], rules, { createEvent })
  if (!byAuthEvents.allowed) throw bad(`the join is not allowed by its auth events: ${byAuthEvents.reason}`)
  const byState = checkAgainstState(joinEvent, (type, key) => state.get(stateKeyOf(type, key)), rules)
  if (!byState.allowed) throw bad(`the join is not allowed by the state: ${byState.reason}`)
}
