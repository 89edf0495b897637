/** Numbers keep the spelling of their sender, as the hashes and signatures of old rooms want it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CanonicalJsonError, canonicalJson, parseJsonStrictly } from '../../../server/events/canonical-json.js'
import { contentHash } from '../../../server/events/hashes.js'
import { checkPduFormat, type Pdu } from '../../../server/events/pdu.js'
import { redactPdu } from '../../../server/events/redaction.js'
import { type FindVerifyKey, hashAndSignPdu, signingKeyFromSeed, verifyPdu } from '../../../server/events/signatures.js'
import { serverNameOf } from '../../../server/kernel/identifiers.js'
import { parseSpelled } from '../../../server/kernel/spelled-numbers.js'
import { buildRoom, rulesOf } from '../../support/pdu-builder.js'

const loosely = (value: unknown) => canonicalJson(value, { strict: false })

test.each([
  '{"a":9007199254740993,"b":1.0,"depth":9223372036854775807}',
  '{"list":[1.0,2,-0,1e3,[2.50]],"nested":{"a":{"b":0.10}}}',
  '{"text":"1.0, and \\"2.0\\": [3.0]","x":4.0}',
  '{"ban":50.0,"users":{"@a:x":100.0}}',
  '[1.0]',
])('what is parsed goes out as it came: %s', (text) => {
  expect(loosely(parseJsonStrictly(text))).toBe(text)
})

test('what is read is what JSON.parse reads, whatever stands around it', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const odd = `[${text}, {"__proto__": 1.0, "a": 1, "a": 2.0}, "\\\\\\" 3.0", -0 ,1E2]`
      expect(parseSpelled(odd)).toEqual(JSON.parse(odd))
      expect(JSON.stringify(parseSpelled(odd))).toBe(JSON.stringify(JSON.parse(odd)))
    }),
  )
  for (const wrong of ['{"a":1.0', '[1.0,]', '1.', '{"a" 1.0}']) expect(() => parseSpelled(wrong)).toThrow(SyntaxError)
})

test('a member that is another number by now goes out as that', () => {
  const value = parseSpelled('{"a":1.0,"b":2.0}') as Record<string, unknown>
  value.a = 7

  expect(loosely(value)).toBe('{"a":7,"b":2.0}')
  expect(loosely({ ...value })).toBe('{"a":7,"b":2}')
})

test('strict JSON has no such numbers', () => {
  for (const text of ['{"a":1.0}', '{"a":[1e3]}', '{"a":-0}'])
    expect(() => canonicalJson(parseSpelled(text))).toThrow(CanonicalJsonError)
  expect(canonicalJson(parseSpelled('{"a":1,"b":"1.0"}'))).toBe('{"a":1,"b":"1.0"}')
})

describe('an event of an old room', () => {
  const key = signingKeyFromSeed(new Uint8Array(32).fill(1), 'ed25519:1')
  const findKey: FindVerifyKey = () => ({ publicKey: key.publicKeyBase64, validUntilTs: Number.MAX_SAFE_INTEGER })

  /** An event whose sender wrote its numbers so, signed over that text, and as it comes from the wire. */
  function received(version: string) {
    const room = buildRoom({ version })
    const spelled = parseSpelled('{"body":"x","level":1.0,"big":9007199254740993,"deep":{"list":[2.0]}}')
    const { signatures: _, ...pdu } = room.send({
      type: 'm.room.message',
      sender: room.creator,
      content: spelled as never,
    }).pdu
    const signed = hashAndSignPdu(pdu, room.rules, serverNameOf(room.creator), key)
    return { text: loosely(signed) }
  }

  test.each(['1', '3', '5'])('verifies in version %s, and is stored as it was signed', (version) => {
    const { text } = received(version)
    const value = parseJsonStrictly(text)

    const format = checkPduFormat(value, rulesOf(version))
    if (!format.ok) throw new Error(format.reason)
    const verdict = verifyPdu(format.pdu, rulesOf(version), findKey, Date.now())

    expect(format.json).toBe(text)
    expect(text).toContain('"level":1.0')
    expect(verdict).toMatchObject({ ok: true, redacted: false })
    const plain = checkPduFormat(JSON.parse(text), rulesOf(version))
    expect(plain.ok && contentHash(plain.pdu)).not.toBe(contentHash(format.pdu))
  })

  test('keeps the spelling of what redaction leaves', () => {
    const levels = parseSpelled('{"type":"m.room.power_levels","content":{"ban":50.0,"other":1.0}}') as unknown as Pdu

    expect(loosely(redactPdu(levels, rulesOf('1')).content)).toBe('{"ban":50.0}')
  })
})
