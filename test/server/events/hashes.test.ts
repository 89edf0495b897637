/** Content hash, reference hash, event ID and signature of every vector of the specification's data. */
import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeUnpaddedBase64 } from '../../../server/events/base64.js'
import {
  computeEventId,
  createEventIdOf,
  roomIdOf,
  roomIdOfCreate,
  toPduEvent,
} from '../../../server/events/event-id.js'
import { contentHash, referenceHash } from '../../../server/events/hashes.js'
import type { JsonObject, Pdu, UnsignedPdu } from '../../../server/events/pdu.js'
import { hashAndSignPdu, signingKeyFromSeed } from '../../../server/events/signatures.js'
import { parseServerName } from '../../../server/kernel/identifiers.js'
import { rulesOf } from '../../support/pdu-builder.js'
import { readVectors } from '../../support/spec-data.js'

type HashVector = {
  roomVersion: string
  name: string
  input: JsonObject
  contentHash: string
  signature: string
  referenceHashBase64: string
  eventId?: string
  roomId?: string
}
const { vectors = [] } = readVectors<{ vectors?: HashVector[] }>('eventHashing')
const signing = readVectors<{ seedBase64: string; serverName: string; keyId: string }>('signing')

describe('the hashes of an event', () => {
  test.each(vectors)('version $roomVersion, $name: hashes, signature and ID are the vector’s', (vector) => {
    const rules = rulesOf(vector.roomVersion)
    const key = signingKeyFromSeed(decodeBase64(signing.seedBase64)!, signing.keyId)
    const serverName = parseServerName(signing.serverName)!

    const pdu = hashAndSignPdu(vector.input as UnsignedPdu, rules, serverName, key)

    expect(contentHash(vector.input)).toBe(vector.contentHash)
    expect(pdu.hashes.sha256).toBe(vector.contentHash)
    expect(pdu.signatures).toEqual({ [signing.serverName]: { [signing.keyId]: vector.signature } })
    expect(encodeUnpaddedBase64(referenceHash(pdu, rules))).toBe(vector.referenceHashBase64)
    if (vector.eventId) expect(computeEventId(pdu, rules)).toBe(vector.eventId)
    if (vector.roomId) expect(roomIdOf(pdu, rules)).toBe(vector.roomId)
  })

  test('the vectors cover every room version', () => {
    expect(new Set(vectors.map((vector) => vector.roomVersion)).size).toBe(12)
  })
})

describe('event and room IDs', () => {
  const pdu = { type: 'm.room.create', sender: '@a:a.example', content: {}, event_id: '$x:a.example' } as unknown as Pdu

  test('an event of versions 1 and 2 has the ID it carries', () => {
    expect(computeEventId(pdu, rulesOf('1'))).toBe('$x:a.example')
    expect(() => computeEventId({ ...pdu, event_id: undefined }, rulesOf('2'))).toThrow(TypeError)
  })

  test('the create event of version 12 names its room, and the room ID leads back to it', () => {
    const event = toPduEvent({ ...pdu, room_id: undefined }, rulesOf('12'))
    expect(event.roomId).toBe(`!${event.eventId.slice(1)}`)
    expect(roomIdOfCreate(event.eventId)).toBe(event.roomId)
    expect(createEventIdOf(event.roomId)).toBe(event.eventId)
  })

  test('an event that names no room where it should has no room ID', () => {
    expect(() => roomIdOf({ ...pdu, room_id: undefined }, rulesOf('11'))).toThrow(TypeError)
  })
})
