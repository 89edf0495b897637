/** Globs, server ACLs and history visibility against the specification's tables. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { globMatches } from '../../../server/events/glob.js'
import { mayUserSeeEvent, readHistoryVisibility } from '../../../server/events/history-visibility.js'
import type { JsonObject } from '../../../server/events/pdu.js'
import { isServerAllowed } from '../../../server/events/server-acl.js'
import { readVectors } from '../../support/spec-data.js'

type GlobCase = { pattern: string; text: string; matches: boolean }
type AclCase = { content: JsonObject | null; server: string; allowed: boolean }
type VisibilityCase = { visibility: string; membership: string; joinedLater: boolean; visible: boolean }
const globs = readVectors<{ cases?: GlobCase[] }>('glob').cases ?? []
const acls = readVectors<{ cases?: AclCase[] }>('serverAcl').cases ?? []
const visibilities = readVectors<{ cases?: VisibilityCase[] }>('historyVisibility').cases ?? []

describe('globMatches', () => {
  test('answers every case as the specification’s data does', () => {
    for (const { pattern, text, matches } of globs)
      expect({ pattern, text, matches: globMatches(pattern, text) }).toEqual({ pattern, text, matches })
  })

  test('a question mark stands for one character, an emoji too', () => {
    expect(globMatches('a?b', 'a😀b')).toBe(true)
    expect(globMatches('a??b', 'a😀b')).toBe(false)
  })

  test('agrees with a regular expression made from the pattern', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '('), maxLength: 12 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '(', '*', '?'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        const source = glob.replace(/[.(]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')
        expect(globMatches(glob, value)).toBe(new RegExp(`^${source}$`).test(value))
      }),
    )
  })

  test('a pattern made to be slow is not', () => {
    const start = performance.now()
    expect(globMatches(`${'*a'.repeat(200)}b`, 'a'.repeat(5000))).toBe(false)
    expect(performance.now() - start).toBeLessThan(500)
  })
})

describe('isServerAllowed', () => {
  test('answers every case as the specification’s data does', () => {
    for (const { content, server, allowed } of acls)
      expect({ content, server, allowed: isServerAllowed(content, server) }).toEqual({ content, server, allowed })
  })

  test('lists that are no lists, and entries that are no strings, allow nobody and deny nobody', () => {
    expect(isServerAllowed({ allow: '*' }, 'a.example')).toBe(false)
    expect(isServerAllowed({ allow: [1, null, '*'], deny: 'a.example' }, 'a.example')).toBe(true)
  })

  test('IP literals follow the lists where they are not excluded', () => {
    const content = { allow: ['*'], deny: ['[::1]', '1.2.3.*'] }
    expect(isServerAllowed(content, '[::1]:8448')).toBe(false)
    expect(isServerAllowed(content, '[::2]')).toBe(true)
    expect(isServerAllowed(content, '1.2.3.4:80')).toBe(false)
  })
})

describe('mayUserSeeEvent', () => {
  test('answers every case as the specification’s data does', () => {
    for (const { visibility, membership, joinedLater, visible } of visibilities) {
      const sight = { visibility, membershipAtEvent: membership, joinedLater }
      expect({ ...sight, visible: mayUserSeeEvent(sight) }).toEqual({ ...sight, visible })
    }
  })

  test('a user who never was in the room sees world-readable events only', () => {
    for (const [visibility, visible] of [
      ['world_readable', true],
      ['shared', false],
      ['invited', false],
      ['joined', false],
      [undefined, false],
    ] as const)
      expect(mayUserSeeEvent({ visibility, membershipAtEvent: undefined, joinedLater: false })).toBe(visible)
  })

  test('a user sees their own join and their own leave, however closed the history', () => {
    const closed = { visibility: 'joined', joinedLater: false }
    expect(mayUserSeeEvent({ ...closed, membershipAtEvent: 'invite', membershipAfter: 'join' })).toBe(true)
    expect(mayUserSeeEvent({ ...closed, membershipAtEvent: 'join', membershipAfter: 'leave' })).toBe(true)
    expect(mayUserSeeEvent({ ...closed, membershipAtEvent: 'invite', membershipAfter: 'leave' })).toBe(false)
  })

  test('a change of visibility is seen by whoever sees under the old or the new value', () => {
    const stranger = { membershipAtEvent: undefined, joinedLater: false }
    for (const [visibility, visibilityAfter] of [
      ['world_readable', 'joined'],
      ['joined', 'world_readable'],
    ])
      expect(mayUserSeeEvent({ ...stranger, visibility, visibilityAfter })).toBe(true)
    expect(mayUserSeeEvent({ ...stranger, visibility: 'joined', visibilityAfter: 'shared' })).toBe(false)
  })

  test('an unknown or missing visibility is shared', () => {
    for (const value of [undefined, null, 1, 'x', 'shared']) expect(readHistoryVisibility(value)).toBe('shared')
    expect(readHistoryVisibility('joined')).toBe('joined')
  })
})
