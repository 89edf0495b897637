/**
 * The first half of joining, leaving and knocking through another server: ask for a template, check
 * that it is what was asked for, fill it in, sign it.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
 */
import { isJsonObject, type JsonObject, type PduEvent, type UnsignedPdu } from '../events/pdu.js'
import { knownRoomVersions, type RoomVersionRules, roomVersionRules } from '../events/room-versions.js'
import type { Clock } from '../kernel/clock.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { BuiltEvent, Signer } from '../rooms/build-event.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError } from './federation-error.js'

export type HandshakeNeeds = {
  serverName: ServerName
  clock: Clock
  log: Logger
  client: FederationClient
  signer: Signer
  signEvent: (unsigned: UnsignedPdu, rules: RoomVersionRules, signer: Signer) => BuiltEvent
}

export type SignedTemplate = { event: PduEvent; rules: RoomVersionRules }

const makePaths = {
  join: '/_matrix/federation/v1/make_join/:roomId/:userId',
  leave: '/_matrix/federation/v1/make_leave/:roomId/:userId',
  knock: '/_matrix/federation/v1/make_knock/:roomId/:userId',
}

/** Throws FederationError: also for a template that is not what was asked for (`bad-answer`). */
export async function makeSignedMember(
  needs: HandshakeNeeds,
  via: ServerName,
  request: { roomId: RoomId; userId: UserId; membership: 'join' | 'leave' | 'knock'; content: JsonObject },
): Promise<SignedTemplate> {
  const { roomId, userId, membership, content } = request
  const answer = await needs.client.request({
    destination: via,
    method: 'GET',
    path: pathOf(makePaths[membership], { roomId, userId }),
    ...(membership !== 'leave' && { query: { ver: knownRoomVersions } }),
    ignoreBackoff: true, // somebody waits for this very server
    timeoutMs: 20_000,
  })
  const version = answer.room_version ?? '1'
  const rules = typeof version === 'string' ? roomVersionRules(version) : undefined
  if (!rules) throw new FederationError(via, 'bad-answer', 'answered with a room version that is not known here')
  const template = checkTemplate(via, answer.event, request)
  const authoriser = (template.content as JsonObject).join_authorised_via_users_server
  const unsigned = {
    type: 'm.room.member',
    room_id: roomId,
    sender: userId,
    state_key: userId,
    content: {
      ...content,
      membership,
      ...(membership === 'join' && typeof authoriser === 'string' && { join_authorised_via_users_server: authoriser }),
    },
    origin: needs.serverName,
    origin_server_ts: needs.clock.now(),
    depth: template.depth,
    prev_events: template.prev_events,
    auth_events: template.auth_events,
  } as UnsignedPdu // the references are checked below, by the room that takes the event in
  try {
    return { event: needs.signEvent(unsigned, rules, needs.signer).event, rules }
  } catch (error) {
    throw new FederationError(
      via,
      'bad-answer',
      `its template cannot be signed: ${(error as Error).message.slice(0, 200)}`,
    )
  }
}

function checkTemplate(
  via: ServerName,
  value: unknown,
  { roomId, userId, membership }: { roomId: RoomId; userId: UserId; membership: string },
): JsonObject {
  const isAsAsked =
    isJsonObject(value) &&
    value.type === 'm.room.member' &&
    value.room_id === roomId &&
    value.sender === userId &&
    value.state_key === userId &&
    isJsonObject(value.content) &&
    value.content.membership === membership &&
    Array.isArray(value.prev_events) &&
    Array.isArray(value.auth_events)
  if (!isAsAsked) throw new FederationError(via, 'bad-answer', 'its template is not what was asked for')
  return value
}

/**
 * Asks one server after the other until one succeeds.
 *
 * @throws what the most telling of them said: a refusal rather than silence
 */
export async function tryServers<T>(
  servers: readonly ServerName[],
  log: Logger,
  attempt: (server: ServerName) => Promise<T>,
): Promise<T> {
  let told: unknown
  for (const server of servers.slice(0, maxServers)) {
    try {
      return await attempt(server)
    } catch (error) {
      if (!(error instanceof FederationError)) throw error
      log.info({ destination: server, failure: error.failure, err: error.message }, 'a server could not help')
      if (!(told instanceof FederationError) || told.failure !== 'refused') told = error
      // No other server will see this differently.
      if (error.answer?.errcode === 'M_INCOMPATIBLE_ROOM_VERSION') break
    }
  }
  throw told ?? new FederationError('', 'name', 'no server to ask')
}

const maxServers = 10
