/** The rows of room versions against the specification's data. */
import { describe, expect, test } from 'vitest'
import { knownRoomVersions, type RoomVersionRules, roomVersionRules } from '../../../server/events/room-versions.js'
import { readVectors } from '../../support/spec-data.js'

type SpecRow = {
  status: string
  eventIdFormat: string
  eventIdInEvent: boolean
  roomIdOnCreateEvent: boolean
  authAndPrevEventsFormat: string
  stateResolution: string
  strictCanonicalJson: boolean
  maxDepth: string
  enforceKeyValidity: boolean
  signaturesRequired: string[]
  joinRules: string[]
  memberships: string[]
  aliasesSpecialCase: boolean
  notificationsInPowerLevelChecks: boolean
  powerLevelValues: string
  redactionAuthRule: string
  createContentCreatorRequired: boolean
  creatorPowerLevel: string
  createEventInAuthEvents: boolean
  redactsLocation: string
  redaction: { topLevel: string[]; content: Record<string, string[] | '*'> }
}
const specRows = readVectors<Record<string, SpecRow>>('roomVersions')

/** A row of ours in the terms of the specification's data. */
function inSpecTerms(row: RoomVersionRules) {
  return {
    eventIdInEvent: row.eventIdFormat === 'opaque',
    isStandardAlphabet: row.eventIdFormat === 'hash-base64',
    hasPairs: row.hasReferencePairs,
    roomIdOnCreateEvent: !row.roomIdIsCreateHash,
    createEventInAuthEvents: !row.roomIdIsCreateHash,
    stateResolution: row.stateResolution,
    strictCanonicalJson: row.strictCanonicalJson,
    isDepthBelow2To53: row.maxDepth === 2 ** 53 - 1,
    enforceKeyValidity: row.enforceKeyValidity,
    authoriserSigns: row.restricted,
    knockRule: row.knock,
    restrictedRule: row.restricted,
    knockRestrictedRule: row.knockRestricted,
    knockMembership: row.knock,
    aliasesSpecialCase: row.aliasesSpecialCase,
    notificationsInPowerLevelChecks: row.notificationsInPowerLevelChecks,
    strings: row.powerLevelStrings,
    floats: row.powerLevelFloats,
    redactionInAuthRules: row.redactionInAuthRules,
    createContentCreatorRequired: row.creatorIs === 'content.creator',
    creatorsAbove: row.creatorsAbovePowerLevels,
    redactsLocation: row.redactsLocation,
    topLevel: [...row.redaction.topLevel].sort(),
    content: Object.fromEntries(
      Object.entries(row.redaction.content).map(([type, keys]) => [type, keys === 'all' ? '*' : [...keys].sort()]),
    ),
  }
}

function specTerms(row: SpecRow) {
  return {
    eventIdInEvent: row.eventIdInEvent,
    isStandardAlphabet: row.eventIdFormat.includes('standard base64'),
    hasPairs: row.authAndPrevEventsFormat.includes('pairs'),
    roomIdOnCreateEvent: row.roomIdOnCreateEvent,
    createEventInAuthEvents: row.createEventInAuthEvents,
    stateResolution: row.stateResolution,
    strictCanonicalJson: row.strictCanonicalJson,
    isDepthBelow2To53: row.maxDepth === '2^53-1',
    enforceKeyValidity: row.enforceKeyValidity,
    authoriserSigns: row.signaturesRequired.some((text) => text.includes('join_authorised_via_users_server')),
    knockRule: row.joinRules.includes('knock'),
    restrictedRule: row.joinRules.includes('restricted'),
    knockRestrictedRule: row.joinRules.includes('knock_restricted'),
    knockMembership: row.memberships.includes('knock'),
    aliasesSpecialCase: row.aliasesSpecialCase,
    notificationsInPowerLevelChecks: row.notificationsInPowerLevelChecks,
    strings: row.powerLevelValues.includes('string'),
    floats: row.powerLevelValues.includes('float'),
    redactionInAuthRules: row.redactionAuthRule.startsWith('in the auth rules'),
    createContentCreatorRequired: row.createContentCreatorRequired,
    creatorsAbove: row.creatorPowerLevel.startsWith('infinite'),
    redactsLocation: row.redactsLocation.startsWith('content') ? 'content' : 'top-level',
    topLevel: [...row.redaction.topLevel].sort(),
    content: Object.fromEntries(
      Object.entries(row.redaction.content).map(([type, keys]) => [type, keys === '*' ? '*' : [...keys].sort()]),
    ),
  }
}

describe('room versions', () => {
  test('are those of the specification, no more and no fewer', () => {
    expect([...knownRoomVersions].sort()).toEqual(Object.keys(specRows).sort())
  })

  test.each(Object.keys(specRows))('version %s differs from the others as specified', (version) => {
    expect(inSpecTerms(roomVersionRules(version)!)).toEqual(specTerms(specRows[version]!))
  })

  test('rooms of every known version can be created', () => {
    expect(knownRoomVersions).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'])
  })

  test('an unknown version has no rules', () => {
    for (const version of ['', '0', '13', '01', 'constructor']) expect(roomVersionRules(version)).toBeUndefined()
  })
})
