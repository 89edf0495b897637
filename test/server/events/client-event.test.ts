/** Events in the form clients get them. */
import { describe, expect, test } from 'vitest'
import { stripState, toClientEvent } from '../../../server/events/client-event.js'
import { knownRoomVersions } from '../../../server/events/room-versions.js'
import { buildRoom } from '../../support/pdu-builder.js'

const alice = '@alice:a.example'

describe('toClientEvent', () => {
  test.each(knownRoomVersions)('version %s: has exactly the members of the client format', (version) => {
    const room = buildRoom({ version })
    const content = { body: 'x' }
    const event = room.send({ type: 'm.room.message', sender: alice, content, members: { unsigned: { age: 5 } } })
    expect(toClientEvent(event, { rules: room.rules })).toEqual({
      content,
      event_id: event.eventId,
      origin_server_ts: event.pdu.origin_server_ts,
      room_id: room.roomId,
      sender: alice,
      type: 'm.room.message',
    })
  })

  test('the create event of version 12 has a room ID for clients', () => {
    const room = buildRoom({ version: '12' })
    expect(toClientEvent(room.create, { rules: room.rules }).room_id).toBe(room.roomId)
  })

  test('state has its key, /sync goes without the room ID, and unsigned is ours or nothing', () => {
    const room = buildRoom()
    const event = room.send({ type: 'm.room.name', sender: alice, stateKey: '', members: { unsigned: { age: 5 } } })
    const { rules } = room
    expect(toClientEvent(event, { rules }).state_key).toBe('')
    expect(toClientEvent(event, { rules, omitRoomId: true })).not.toHaveProperty('room_id')
    expect(toClientEvent(event, { rules, unsigned: {} })).not.toHaveProperty('unsigned')
    expect(toClientEvent(event, { rules, unsigned: { transaction_id: 't' } }).unsigned).toEqual({ transaction_id: 't' })
  })

  test.each(knownRoomVersions)(
    'version %s: a redaction names its target at the top level and in the content',
    (version) => {
      const room = buildRoom({ version })
      const inContent = room.rules.redactsLocation === 'content'
      const event = room.send({
        type: 'm.room.redaction',
        sender: alice,
        content: { reason: 'x', ...(inContent ? { redacts: '$target' } : {}) },
        members: inContent ? {} : { redacts: '$target' },
      })
      const client = toClientEvent(event, { rules: room.rules })
      expect(client.redacts).toBe('$target')
      expect(client.content).toEqual({ reason: 'x', redacts: '$target' })
      expect(event.pdu.content).toEqual(inContent ? client.content : { reason: 'x' }) // the PDU stays as signed
    },
  )

  test('a redacted redaction names nothing', () => {
    const room = buildRoom({ version: '10' })
    const event = room.send({ type: 'm.room.redaction', sender: alice })
    expect(toClientEvent(event, { rules: room.rules })).not.toHaveProperty('redacts')
  })
})

test('stripped state has type, state key, sender and content, nothing else', () => {
  const room = buildRoom()
  const event = room.send({ type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'x' } })
  expect(stripState(event)).toEqual({ type: 'm.room.name', state_key: '', sender: alice, content: { name: 'x' } })
})
