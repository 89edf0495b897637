/**
 * Room versions as data: one row per version, one field per difference.
 *
 * Nothing else asks for a version's number. A later version is a new row, made from the one before.
 * Versions are opaque strings without an order; the spreads below only save typing.
 *
 * Spec: https://spec.matrix.org/v1.19/rooms/
 */

/** What redaction leaves of an event. */
export type RedactionRules = {
  readonly topLevel: readonly string[]
  /** By event type: members of `content` to keep, `a.b` for member b of the object a; types not listed keep none. */
  readonly content: Readonly<Record<string, readonly string[] | 'all'>>
}

export type RoomVersionRules = {
  readonly version: string
  /** `opaque`: `$x:domain`, given by the sender as `event_id`; else `$` and the reference hash in that alphabet. */
  readonly eventIdFormat: 'opaque' | 'hash-base64' | 'hash-base64url'
  /** `auth_events` and `prev_events` are `[id, {sha256}]` pairs instead of IDs. */
  readonly hasReferencePairs: boolean
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  readonly strictCanonicalJson: boolean
  /** How `type` and `state_key` are measured: the first servers counted characters, and rooms have such events. */
  readonly fieldsMeasuredIn: 'code-points' | 'bytes'
  /** Greatest `depth`, inclusive. */
  readonly maxDepth: number
  /** A key must have been valid at the event's `origin_server_ts`. */
  readonly enforceKeyValidity: boolean
  /** `m.room.aliases` has an auth rule of its own. */
  readonly aliasesSpecialCase: boolean
  /** The power to redact is asked for by the auth rules, not when the redaction is applied. */
  readonly redactionInAuthRules: boolean
  readonly redactsLocation: 'top-level' | 'content'
  readonly powerLevelStrings: boolean
  readonly powerLevelFloats: boolean
  /** All power levels must be integers, and this is an auth rule. */
  readonly powerLevelTypesChecked: boolean
  readonly notificationsInPowerLevelChecks: boolean
  readonly knock: boolean
  readonly restricted: boolean
  readonly knockRestricted: boolean
  readonly creatorIs: 'content.creator' | 'sender'
  /** The room ID is the hash of the create event, which has no `room_id` and is never an auth event. */
  readonly roomIdIsCreateHash: boolean
  /** The creators (`sender`, `additional_creators`) stand above every power level. */
  readonly creatorsAbovePowerLevels: boolean
  readonly redaction: RedactionRules
}

const redactionV1: RedactionRules = {
  topLevel: [
    'event_id',
    'type',
    'room_id',
    'sender',
    'state_key',
    'content',
    'hashes',
    'signatures',
    'depth',
    'prev_events',
    'prev_state',
    'auth_events',
    'origin',
    'origin_server_ts',
    'membership',
  ],
  content: {
    'm.room.member': ['membership'],
    'm.room.create': ['creator'],
    'm.room.join_rules': ['join_rule'],
    'm.room.power_levels': [
      'ban',
      'events',
      'events_default',
      'kick',
      'redact',
      'state_default',
      'users',
      'users_default',
    ],
    'm.room.aliases': ['aliases'],
    'm.room.history_visibility': ['history_visibility'],
  },
}
const { 'm.room.aliases': _aliases, ...contentV6 } = redactionV1.content
const redactionV6: RedactionRules = { topLevel: redactionV1.topLevel, content: contentV6 }
const redactionV8: RedactionRules = {
  topLevel: redactionV6.topLevel,
  content: { ...redactionV6.content, 'm.room.join_rules': ['join_rule', 'allow'] },
}
const redactionV9: RedactionRules = {
  topLevel: redactionV8.topLevel,
  content: { ...redactionV8.content, 'm.room.member': ['membership', 'join_authorised_via_users_server'] },
}
const redactionV11: RedactionRules = {
  topLevel: redactionV9.topLevel.filter((key) => !['prev_state', 'origin', 'membership'].includes(key)),
  content: {
    ...redactionV9.content,
    'm.room.create': 'all',
    'm.room.member': ['membership', 'join_authorised_via_users_server', 'third_party_invite.signed'],
    'm.room.power_levels': [
      'ban',
      'events',
      'events_default',
      'invite',
      'kick',
      'redact',
      'state_default',
      'users',
      'users_default',
    ],
    'm.room.redaction': ['redacts'],
  },
}

const v1: RoomVersionRules = {
  version: '1',
  eventIdFormat: 'opaque',
  hasReferencePairs: true,
  stateResolution: 'v1',
  strictCanonicalJson: false,
  fieldsMeasuredIn: 'code-points',
  maxDepth: 2 ** 63, // 2^63 - 1 as the nearest number that JavaScript has
  enforceKeyValidity: false,
  aliasesSpecialCase: true,
  redactionInAuthRules: true,
  redactsLocation: 'top-level',
  powerLevelStrings: true,
  powerLevelFloats: true,
  powerLevelTypesChecked: false,
  notificationsInPowerLevelChecks: false,
  knock: false,
  restricted: false,
  knockRestricted: false,
  creatorIs: 'content.creator',
  roomIdIsCreateHash: false,
  creatorsAbovePowerLevels: false,
  redaction: redactionV1,
}
const v2: RoomVersionRules = { ...v1, version: '2', stateResolution: 'v2' }
const v3: RoomVersionRules = {
  ...v2,
  version: '3',
  eventIdFormat: 'hash-base64',
  hasReferencePairs: false,
  redactionInAuthRules: false,
}
const v4: RoomVersionRules = { ...v3, version: '4', eventIdFormat: 'hash-base64url' }
const v5: RoomVersionRules = { ...v4, version: '5', enforceKeyValidity: true }
const v6: RoomVersionRules = {
  ...v5,
  version: '6',
  strictCanonicalJson: true,
  maxDepth: Number.MAX_SAFE_INTEGER,
  aliasesSpecialCase: false,
  powerLevelFloats: false,
  notificationsInPowerLevelChecks: true,
  redaction: redactionV6,
}
const v7: RoomVersionRules = { ...v6, version: '7', knock: true }
const v8: RoomVersionRules = { ...v7, version: '8', restricted: true, redaction: redactionV8 }
const v9: RoomVersionRules = { ...v8, version: '9', redaction: redactionV9 }
const v10: RoomVersionRules = {
  ...v9,
  version: '10',
  powerLevelStrings: false,
  powerLevelTypesChecked: true,
  knockRestricted: true,
}
const v11: RoomVersionRules = {
  ...v10,
  version: '11',
  fieldsMeasuredIn: 'bytes',
  redactsLocation: 'content',
  creatorIs: 'sender',
  redaction: redactionV11,
}
const v12: RoomVersionRules = {
  ...v11,
  version: '12',
  stateResolution: 'v2.1',
  roomIdIsCreateHash: true,
  creatorsAbovePowerLevels: true,
}

const rows: ReadonlyMap<string, RoomVersionRules> = new Map(
  [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12].map((row) => [row.version, row]),
)

/** Versions whose rooms this server can take part in, and which clients may create here; all are stable. */
export const knownRoomVersions: readonly string[] = [...rows.keys()]

/** @returns undefined for a version this server does not know */
export const roomVersionRules = (version: string): RoomVersionRules | undefined => rows.get(version)
