/**
 * Creates a room: its first events in the order the spec gives, all in one commit, so that a crash
 * leaves a whole room or none.
 *
 * Users of other servers are invited after the room exists, by the federation handshake.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 */
import { checkAgainstState } from '../events/auth-rules/index.js'
import { isJsonObject, type JsonObject, stateKeyOf } from '../events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../events/room-versions.js'
import { randomId } from '../kernel/clock.js'
import { badJson, invalidParam, MatrixError } from '../kernel/errors.js'
import { parseRoomAlias, type RoomAlias, type RoomId, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { AlreadyExistsError } from '../store/errors.js'
import { insertAlias, readAlias, setPublished } from '../store/room-alias-store.js'
import type { Write } from '../store/writes.js'
import { buildCreateEvent, type EventDraft, keysFor, type Signer } from './build-event.js'
import type { BuildStep } from './build-step.js'
import { type Placement, placeOnTop } from './place-event.js'
import type { Snapshot } from './room.js'
import type { RoomsForWriting } from './rooms.js'
import { prepareEvent } from './send-event.js'
import { makeEmptySnapshot, nobody } from './snapshot.js'
import type { RoomTx } from './write-room.js'

export type CreateRoomRequest = {
  creator: UserId
  preset?: 'private_chat' | 'trusted_private_chat' | 'public_chat'
  visibility?: 'public' | 'private'
  roomVersion?: string
  aliasLocalpart?: string
  name?: string
  topic?: string
  invite?: UserId[]
  isDirect?: boolean
  creationContent?: JsonObject
  initialState?: { type: string; state_key?: string; content: JsonObject }[]
  powerLevelContentOverride?: JsonObject
  /** Below version 12; one is made up where none is given. */
  roomId?: RoomId
}

export type CreateRoom = (request: CreateRoomRequest) => Promise<RoomId>

export type CreateRoomNeeds = {
  rooms: RoomsForWriting
  buildStep: BuildStep
  signer: Signer
  defaultRoomVersion: string
  /** The creator's `displayname` and `avatar_url` as they go into the member event. */
  memberProfile: (userId: UserId) => Promise<JsonObject>
  inviteUser: (request: { roomId: RoomId; sender: UserId; target: UserId; isDirect?: boolean }) => Promise<void>
}

const presets = {
  private_chat: { joinRule: 'invite', guestAccess: 'can_join', invite: 0 },
  trusted_private_chat: { joinRule: 'invite', guestAccess: 'can_join', invite: 0 },
  public_chat: { joinRule: 'public', guestAccess: 'forbidden', invite: 50 },
} as const

const presetOf = ({ preset, visibility }: CreateRoomRequest) =>
  preset ?? (visibility === 'public' ? 'public_chat' : 'private_chat')

export function makeCreateRoom(needs: CreateRoomNeeds): CreateRoom {
  const { rooms, buildStep, signer } = needs
  return async (request) => {
    const rules = checkVersion(request.roomVersion ?? needs.defaultRoomVersion)
    const alias = await checkAlias(needs, request.aliasLocalpart)
    const invites = request.invite ?? []
    const isLocal = (userId: UserId) => serverNameOf(userId) === signer.serverName

    /** Undefined where the room exists: its ID is the hash of its create event, and another was made alike. */
    async function createAt(ts: number): Promise<RoomId | undefined> {
      const { next: empty, placed: created } = makeNewRoom(request, rules, { ...signer, now: () => ts })
      const { roomId } = empty
      return rooms
        .write(roomId, async (tx) => {
          if (tx.tip) return undefined
          const extra = extraWrites(request, roomId, alias, signer)
          tx.stage(empty, buildStep(empty, created, extra), created.event.eventId)
          let room: Snapshot = empty
          for (const draft of await firstEvents(needs, request, room, alias, invites.filter(isLocal))) {
            const { next, placed } = await prepare(tx, room, draft, signer)
            tx.stage(next, buildStep(next, placed), placed.event.eventId)
            room = next
          }
          return roomId
        })
        .catch((error: unknown) => {
          // Somebody took the alias between the check and the commit.
          if (alias && error instanceof AlreadyExistsError) throw aliasTaken(alias)
          throw error
        })
    }

    const now = signer.now()
    let roomId: RoomId | undefined
    for (let later = 0; roomId === undefined; later++) roomId = await createAt(now + later)
    for (const target of invites.filter((userId) => !isLocal(userId)))
      await needs.inviteUser({ roomId, sender: request.creator, target, isDirect: request.isDirect })
    return roomId
  }
}

function checkVersion(version: string): RoomVersionRules {
  const rules = roomVersionRules(version)
  if (!rules)
    throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `This server cannot create rooms of version ${version}`)
  return rules
}

async function checkAlias(
  { rooms, signer }: CreateRoomNeeds,
  localpart: string | undefined,
): Promise<RoomAlias | undefined> {
  if (localpart === undefined) return undefined
  const alias = parseRoomAlias(`#${localpart}:${signer.serverName}`)
  if (!alias || localpart.includes(':')) throw invalidParam('room_alias_name is not a valid alias localpart')
  if (await readAlias(rooms.db, alias)) throw aliasTaken(alias)
  return alias
}

const aliasTaken = (alias: RoomAlias) => new MatrixError(400, 'M_ROOM_IN_USE', `${alias} is taken`)

function makeNewRoom(request: CreateRoomRequest, rules: RoomVersionRules, signer: Signer): Placement {
  const { event, json } = buildCreateEvent(
    request.roomId ?? (`!${randomId(18)}:${signer.serverName}` as RoomId),
    { sender: request.creator, content: createContent(request, rules) },
    rules,
    signer,
  )
  const verdict = checkAgainstState(event, () => undefined, rules)
  if (!verdict.allowed) throw badJson(`creation_content cannot be used: ${verdict.reason}`)
  const room = makeEmptySnapshot(event, rules, signer.serverName)
  return placeOnTop(room, event, json, { isLocal: true, isNew: true, destinations: [] }, nobody)
}

function createContent(request: CreateRoomRequest, rules: RoomVersionRules): JsonObject {
  const content: Record<string, unknown> = { ...request.creationContent, room_version: rules.version }
  if (rules.creatorIs === 'content.creator') content.creator = request.creator
  else delete content.creator
  if (rules.creatorsAbovePowerLevels && request.preset === 'trusted_private_chat' && request.invite?.length) {
    const named = Array.isArray(content.additional_creators) ? content.additional_creators : []
    content.additional_creators = [...new Set([...named, ...request.invite])].filter(
      (userId) => userId !== request.creator,
    )
  }
  return content
}

async function prepare(tx: RoomTx, room: Snapshot, draft: EventDraft, signer: Signer): Promise<Placement> {
  try {
    return await prepareEvent(tx, room, draft, await tx.readCurrent(keysFor(room, draft)), signer)
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN')
      throw new MatrixError(
        400,
        'M_INVALID_ROOM_STATE',
        `${draft.type} cannot be sent into this room: ${error.message}`,
      )
    throw error
  }
}

async function firstEvents(
  needs: CreateRoomNeeds,
  request: CreateRoomRequest,
  room: Snapshot,
  alias: RoomAlias | undefined,
  localInvites: UserId[],
): Promise<EventDraft[]> {
  const { creator } = request
  const preset = presets[presetOf(request)]
  const state = (type: string, content: JsonObject, stateKey = ''): EventDraft => ({
    type,
    stateKey,
    sender: creator,
    content,
  })
  const drafts = [
    state('m.room.member', { membership: 'join', ...(await needs.memberProfile(creator)) }, creator),
    state('m.room.power_levels', powerLevelContent(request, room)),
    ...(alias ? [state('m.room.canonical_alias', { alias })] : []),
  ]
  const given = new Set((request.initialState ?? []).map(({ type, state_key }) => stateKeyOf(type, state_key ?? '')))
  const presetEvents = [
    state('m.room.join_rules', { join_rule: preset.joinRule }),
    state('m.room.history_visibility', { history_visibility: 'shared' }),
    state('m.room.guest_access', { guest_access: preset.guestAccess }),
  ]
  drafts.push(...presetEvents.filter(({ type }) => !given.has(stateKeyOf(type, ''))))
  for (const { type, state_key, content } of request.initialState ?? [])
    drafts.push(state(type, content, state_key ?? ''))
  if (request.name !== undefined) drafts.push(state('m.room.name', { name: request.name }))
  if (request.topic !== undefined) drafts.push(state('m.room.topic', topicContent(request.topic)))
  for (const target of localInvites) {
    const direct = request.isDirect ? { is_direct: true } : {}
    drafts.push(
      state('m.room.member', { membership: 'invite', ...direct, ...(await needs.memberProfile(target)) }, target),
    )
  }
  return drafts
}

const topicContent = (topic: string): JsonObject => ({
  topic,
  'm.topic': { 'm.text': [{ body: topic, mimetype: 'text/plain' }] },
})

function powerLevelContent(request: CreateRoomRequest, room: Snapshot): JsonObject {
  const { creator, invite = [], powerLevelContentOverride: override } = request
  if (override && !isJsonObject(override)) throw badJson('power_level_content_override must be an object')
  const above = room.rules.creatorsAbovePowerLevels
  const trusted = request.preset === 'trusted_private_chat' ? invite : []
  const users = above ? {} : Object.fromEntries([creator, ...trusted].map((userId) => [userId, 100]))
  const content: Record<string, unknown> = {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.canonical_alias': 50,
      'm.room.avatar': 50,
      'm.room.tombstone': above ? 150 : 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: presets[presetOf(request)].invite,
    ...override,
  }
  if (above && isJsonObject(content.users)) {
    const creators = new Set<unknown>([
      creator,
      ...((room.createEvent.pdu.content.additional_creators as unknown[]) ?? []),
    ])
    if (Object.keys(content.users).some((userId) => creators.has(userId)))
      throw badJson('power_level_content_override names a creator, who is above all levels')
  }
  return content
}

function extraWrites(
  request: CreateRoomRequest,
  roomId: RoomId,
  alias: RoomAlias | undefined,
  signer: Signer,
): Write[] {
  const writes: Write[] = []
  if (alias) writes.push(insertAlias(alias, { room_id: roomId, creator: request.creator }))
  if (request.visibility === 'public') writes.push(setPublished(roomId, signer.now()))
  return writes
}
