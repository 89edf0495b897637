/** Matrix identifiers against the specification's grammar and examples. */
import { describe, expect, test } from 'vitest'
import {
  isValidLocalpart,
  localpartOf,
  parseEventId,
  parseMxcUri,
  parseRoomAlias,
  parseRoomId,
  parseServerName,
  parseUserId,
  serverNameIn,
  serverNameOf,
} from '../../../server/kernel/identifiers.js'
import { readVectors } from '../../support/spec-data.js'

type Section = Record<string, string[] | undefined>
type Identifiers = Record<'serverName' | 'userId' | 'roomId' | 'roomAlias' | 'mxc', Section>
const vectors = readVectors<Partial<Identifiers>>('identifiers')

/** Every ID of a list with whether it parses, so that a failure names the ID. */
const verdicts = (ids: readonly string[] = [], parse: (id: string) => unknown) =>
  Object.fromEntries(ids.map((id) => [id, parse(id) !== undefined]))
const all = (ids: readonly string[] = [], verdict: boolean) => Object.fromEntries(ids.map((id) => [id, verdict]))

describe('the specification’s examples', () => {
  test.each([
    ['serverName', 'valid', parseServerName, true],
    ['serverName', 'derivedInvalid', parseServerName, false],
    ['userId', 'derivedValid', parseUserId, true],
    ['userId', 'derivedHistoricalMustAccept', parseUserId, true],
    ['userId', 'derivedNeverValid', parseUserId, false],
    ['roomId', 'derivedValid', parseRoomId, true],
    ['roomId', 'derivedInvalid', parseRoomId, false],
    ['roomAlias', 'derivedValid', parseRoomAlias, true],
    ['roomAlias', 'derivedInvalid', parseRoomAlias, false],
    ['mxc', 'derivedValid', parseMxcUri, true],
    ['mxc', 'invalid', parseMxcUri, false],
    ['mxc', 'derivedInvalid', parseMxcUri, false],
  ] as const)('%s, %s', (section, list, parse, verdict) => {
    const ids = vectors[section]?.[list]
    expect(ids?.length).toBeGreaterThan(0)
    expect(verdicts(ids, parse)).toEqual(all(ids, verdict))
  })

  test('of user IDs: what a new user may not be called', () => {
    const mayBeCalled = (id: string) => {
      const userId = parseUserId(id)
      return userId && isValidLocalpart(localpartOf(userId)) ? userId : undefined
    }
    const { derivedInvalidForNewUsers, derivedValid } = vectors.userId ?? {}
    expect(verdicts(derivedInvalidForNewUsers, mayBeCalled)).toEqual(all(derivedInvalidForNewUsers, false))
    expect(verdicts(derivedValid, mayBeCalled)).toEqual(all(derivedValid, true))
  })
})

describe('identifiers', () => {
  test('hash IDs of events and version-12 rooms are IDs without a server', () => {
    const hash = 'Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ'
    expect(parseRoomId(`!${hash}`)).toBe(`!${hash}`)
    expect(parseRoomId(`!${hash}x`)).toBeUndefined()
    expect(parseEventId(`$${hash}`)).toBe(`$${hash}`)
    expect(serverNameIn(`$${hash}`)).toBeUndefined()
    expect(() => serverNameOf(parseRoomId(`!${hash}`)!)).toThrow(TypeError)
  })

  test('event IDs of versions 1 to 3 may have slashes and a server', () => {
    expect(parseEventId('$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk')).toBeDefined()
    expect(serverNameIn('$random:example.org:80')).toBe('example.org:80')
    for (const id of ['$', 'x', '', '$a\u0000', `$${'x'.repeat(255)}`, 1, null])
      expect(parseEventId(id)).toBeUndefined()
  })

  test('the limit of 255 counts bytes', () => {
    expect(parseUserId(`@${'é'.repeat(120)}:b.cc`)).toBeDefined()
    expect(parseUserId(`@${'é'.repeat(126)}:b.cc`)).toBeUndefined()
  })

  test('an octet above 255 makes no server name, whatever the port', () => {
    for (const name of ['256.1.1.1', '1.1.1.300:8448']) expect(parseServerName(name)).toBeUndefined()
    for (const name of ['255.1.1.1', '1.1.1.1.300', '300.example']) expect(parseServerName(name)).toBe(name)
  })
})
