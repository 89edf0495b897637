/** Redaction in every room version. */
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../server/events/pdu.js'
import { readPowerLevels } from '../../../server/events/power-levels.js'
import { mayApplyRedaction, redactedEventId, redactPdu } from '../../../server/events/redaction.js'
import { buildRoom, rulesOf } from '../../support/pdu-builder.js'
import { readVectors } from '../../support/spec-data.js'

type RedactionVector = { roomVersion: string; name: string; input: JsonObject; output: JsonObject }
const { vectors = [] } = readVectors<{ vectors?: RedactionVector[] }>('redactionVectors')

describe('redactPdu', () => {
  test('leaves of every vector exactly what its room version protects', () => {
    for (const { roomVersion, input, output } of vectors) expect(redactPdu(input, rulesOf(roomVersion))).toEqual(output)
    expect(vectors.length).toBe(120)
  })

  test('redacting twice changes nothing more, and the event itself is untouched', () => {
    for (const { roomVersion, input } of vectors) {
      const before = structuredClone(input)
      const once = redactPdu(input, rulesOf(roomVersion))
      expect(redactPdu(once, rulesOf(roomVersion))).toEqual(once)
      expect(input).toEqual(before)
    }
  })

  test('a type named like a member of Object keeps no content', () => {
    const pdu: JsonObject = { type: 'constructor', content: { name: 'x' } }
    expect(redactPdu(pdu, rulesOf('11'))).toEqual({ type: 'constructor', content: {} })
  })

  test('a third-party invite that is no object is dropped, one without signed becomes empty', () => {
    const member = (third_party_invite: unknown): JsonObject => ({
      type: 'm.room.member',
      content: { membership: 'invite', third_party_invite },
    })
    expect(redactPdu(member('x'), rulesOf('11')).content).toEqual({ membership: 'invite' })
    expect(redactPdu(member({ display_name: 'x' }), rulesOf('11')).content).toEqual({
      membership: 'invite',
      third_party_invite: {},
    })
  })
})

describe('applying a redaction', () => {
  const redaction = (version: string, sender: string) => {
    const room = buildRoom({ version })
    room.joinRule('public')
    room.member('@bob:b.example', 'join')
    room.member('@bert:b.example', 'join')
    const target = room.send({ type: 'm.room.message', sender: '@bob:b.example' })
    const inContent = rulesOf(version).redactsLocation === 'content'
    const event = room.send({
      type: 'm.room.redaction',
      sender,
      content: inContent ? { redacts: target.eventId } : {},
      members: inContent ? {} : { redacts: target.eventId },
    })
    return { target, event, levels: readPowerLevels(undefined, room.create, room.rules), rules: room.rules }
  }

  test('the target is named at the top level up to version 10 and in the content from 11', () => {
    for (const version of ['1', '10', '11', '12']) {
      const { target, event, rules } = redaction(version, '@alice:a.example')
      expect(redactedEventId(event.pdu, rules)).toBe(target.eventId)
    }
  })

  test('a sender with the redact level may apply it', () => {
    const { target, event, levels } = redaction('11', '@alice:a.example')
    expect(mayApplyRedaction(event, target, levels)).toBe(true)
  })

  test('a user of the same server may apply it, a user of another one without the level may not', () => {
    const same = redaction('11', '@bert:b.example')
    expect(mayApplyRedaction(same.event, same.target, same.levels)).toBe(true)

    const other = redaction('11', '@carol:c.example')
    expect(mayApplyRedaction(other.event, other.target, other.levels)).toBe(false)
  })

  test('an event of another room is never redacted', () => {
    const { event, levels } = redaction('12', '@alice:a.example')
    const elsewhere = redaction('12', '@carol:c.example')
    const target = { ...elsewhere.target, roomId: elsewhere.target.roomId.replace('!', '!x') as typeof event.roomId }
    expect(mayApplyRedaction(event, target, levels)).toBe(false)
  })
})
