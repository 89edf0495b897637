/** The format check, the first gate for PDUs of other servers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../../server/events/canonical-json.js'
import {
  authEventIds,
  checkPduFormat,
  type JsonObject,
  parseStateMapKey,
  pduLimits,
  prevEventIds,
  stateKeyOf,
} from '../../../server/events/pdu.js'
import { knownRoomVersions } from '../../../server/events/room-versions.js'
import { buildRoom, rulesOf } from '../../support/pdu-builder.js'

const message = (version: string): JsonObject => {
  const room = buildRoom({ version })
  return room.send({ type: 'm.room.message', sender: room.creator, content: { body: 'hello' } }).pdu
}

/** Reason of the refusal, or 'accepted'. */
const verdictOn = (value: unknown, version = '11') => {
  const format = checkPduFormat(value, rulesOf(version))
  return format.ok ? 'accepted' : format.reason
}

const without = (pdu: JsonObject, key: string): JsonObject => {
  const { [key]: _gone, ...rest } = pdu
  return rest
}

describe('checkPduFormat', () => {
  test.each(knownRoomVersions)('measures type and state key in version %s as its servers do', (version) => {
    const long = { state_key: 'é'.repeat(255), type: '🙂'.repeat(255) }
    const counts = Number(version) < 11 ? 'accepted' : 'type is not a string of at most 255 bytes'

    expect(verdictOn({ ...message(version), ...long }, version)).toBe(counts)
    expect(verdictOn({ ...message(version), type: '🙂'.repeat(256) }, version)).toMatch(/^type/)
    expect(verdictOn({ ...message(version), state_key: 'e'.repeat(256) }, version)).toMatch(/^state_key/)
  })

  test.each(knownRoomVersions)(
    'accepts every event of an honest version-%s room and gives its stored form',
    (version) => {
      const room = buildRoom({ version })
      room.joinRule('public')
      for (const { pdu } of room.events.values()) {
        const format = checkPduFormat(pdu, room.rules)
        expect(format).toEqual({ ok: true, pdu, json: canonicalJson(pdu) })
      }
    },
  )

  test('refuses what is not an object', () => {
    for (const value of [null, undefined, 1, 'x', [], true]) expect(verdictOn(value)).toBe('not an object')
  })

  test.each([
    ['type', [undefined, 1, 'x'.repeat(256), 'é'.repeat(128)], /^type/],
    ['sender', [undefined, 1, 'alice', '@alice', `@${'a'.repeat(250)}:a.example`], /^sender/],
    ['room_id', [undefined, 1, '#x:a.example', '!room'], /^room_id/],
    ['state_key', [null, 1, 'x'.repeat(256), undefined], /^state_key/],
    ['content', [undefined, null, [], 'x'], /^content/],
    ['origin_server_ts', [undefined, '1', 1.5, 2 ** 53], /^origin_server_ts/],
    ['depth', [undefined, '1', 1.5, -1, 2 ** 53], /^depth/],
    ['auth_events', [undefined, {}, [1], [['$x', { sha256: '' }]], ['x']], /^auth_events/],
    ['prev_events', [undefined, {}, [null], ['']], /^prev_events/],
    ['hashes', [undefined, {}, { sha256: 1 }, []], /^hashes/],
    ['signatures', [undefined, [], { 'a.example': 1 }, { 'a.example': { k: 1 } }], /^signatures/],
    ['origin', [1, null], /^origin/],
    ['event_id', [1, null], /^event_id/],
  ] as const)('refuses a wrong %s', (member, values, reason) => {
    for (const value of values) expect(verdictOn({ ...message('11'), [member]: value })).toMatch(reason)
  })

  test('refuses an event that lacks any required member', () => {
    for (const key of Object.keys(message('11'))) expect(verdictOn(without(message('11'), key))).not.toBe('accepted')
  })

  test('refuses more than 10 auth events or 20 prev events', () => {
    const ids = (count: number) => Array.from({ length: count }, (_, i) => `$${i}`)
    expect(verdictOn({ ...message('11'), auth_events: ids(10), prev_events: ids(20) })).toBe('accepted')
    expect(verdictOn({ ...message('11'), auth_events: ids(11) })).toMatch(/^auth_events/)
    expect(verdictOn({ ...message('11'), prev_events: ids(21) })).toMatch(/^prev_events/)
  })

  test('refuses an event of more than 65,536 bytes, and takes one of exactly that size', () => {
    const base = { ...message('11'), content: { body: '' } }
    const room = pduLimits.eventBytes - canonicalJson(base).length
    expect(verdictOn({ ...base, content: { body: 'x'.repeat(room) } })).toBe('accepted')
    expect(verdictOn({ ...base, content: { body: 'x'.repeat(room + 1) } })).toMatch(/^larger than/)
    expect(verdictOn({ ...base, content: { body: 'é'.repeat(room / 2 + 1) } })).toMatch(/^larger than/)
  })

  test('versions 1 and 2 want pairs and an event ID, later versions want plain IDs and none', () => {
    expect(verdictOn({ ...message('2'), auth_events: ['$x:a.example'] }, '2')).toMatch(/^auth_events/)
    for (const pair of [['$x'], ['$x', { sha256: 1 }], ['x', { sha256: '' }], ['$x', { sha256: '' }, 1]])
      expect(verdictOn({ ...message('1'), prev_events: [pair] }, '1')).toMatch(/^prev_events/)
    expect(verdictOn(without(message('1'), 'event_id'), '1')).toMatch(/^event_id/)
    expect(verdictOn(message('3'), '3')).toBe('accepted')
  })

  test('floats are refused from version 6 on and pass before', () => {
    const content = { volume: 1.5 }
    expect(verdictOn({ ...message('5'), content }, '5')).toBe('accepted')
    expect(verdictOn({ ...message('6'), content }, '6')).toMatch(/integer/)
  })

  test('a depth beyond 2^53 is refused from version 6 on and passes before', () => {
    expect(verdictOn({ ...message('5'), depth: 2 ** 60 }, '5')).toBe('accepted')
    expect(verdictOn({ ...message('5'), depth: 2 ** 64 }, '5')).toMatch(/^depth/)
    expect(verdictOn({ ...message('6'), depth: 2 ** 60 }, '6')).toMatch(/^depth/)
  })

  test('only the create event of version 12 goes without a room ID', () => {
    const room = buildRoom({ version: '12' })
    expect(room.create.pdu.room_id).toBeUndefined()
    expect(verdictOn(room.create.pdu, '12')).toBe('accepted')
    expect(verdictOn(without(message('12'), 'room_id'), '12')).toMatch(/^room_id/)
    expect(verdictOn(without(buildRoom({ version: '11' }).create.pdu, 'room_id'), '11')).toMatch(/^room_id/)
  })

  test('content nested 2,000 deep is refused, not a stack overflow', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`)
    for (const version of ['1', '11'])
      expect(verdictOn({ ...message(version), content: deep }, version)).toMatch(/nested/)
  })

  test('never throws, whatever one member is replaced by', () => {
    const pdus = new Map(['1', '5', '11', '12'].map((version) => [version, message(version)]))
    fc.assert(
      fc.property(
        fc.constantFrom(...pdus.keys()),
        fc.constantFrom(...Object.keys(message('1'))),
        fc.jsonValue(),
        (version, key, value) => {
          const format = checkPduFormat({ ...pdus.get(version), [key]: value }, rulesOf(version))
          expect(typeof format.ok).toBe('boolean')
        },
      ),
    )
    fc.assert(fc.property(fc.anything(), (value) => !checkPduFormat(value, rulesOf('11')).ok))
  })
})

test('references without hashes, as other servers make them in versions 1 and 2, are taken', () => {
  const pdu = { ...message('1'), auth_events: [['$a:a.example', {}]], prev_events: [['$b:a.example', {}]] }
  const format = checkPduFormat(pdu, rulesOf('1'))
  expect(format.ok && authEventIds(format.pdu)).toEqual(['$a:a.example'])
  expect(checkPduFormat({ ...pdu, prev_events: [['$b:a.example', { sha256: 1 }]] }, rulesOf('1')).ok).toBe(false)
})

test("what is unsigned is nobody's word: it decides nothing and is not kept", () => {
  for (const unsigned of [{ age: 1.5 }, null, 'x', { big: 'x'.repeat(70_000) }]) {
    const format = checkPduFormat({ ...message('11'), unsigned }, rulesOf('11'))
    expect(format).toEqual({ ok: true, pdu: message('11'), json: canonicalJson(message('11')) })
  }
})

test('event references are read in both spellings', () => {
  for (const version of ['2', '11']) {
    const room = buildRoom({ version })
    const event = room.send({ type: 'm.room.message', sender: room.creator })
    const member = room.lookup()('m.room.member', room.creator)!
    expect(prevEventIds(event.pdu)).toEqual([member.eventId])
    expect(authEventIds(event.pdu)).toEqual([room.create.eventId, member.eventId])
  }
})

test('a key of a state map gives back type and state key, even where the state key has a NUL', () => {
  for (const key of [
    ['m.room.member', '@a:b'],
    ['m.room.name', ''],
    ['x', 'a\u0000b'],
  ] as const)
    expect(parseStateMapKey(stateKeyOf(key[0], key[1]))).toEqual(key)
})
