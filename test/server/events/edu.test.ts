/** EDUs of other servers: what is read of them, and what is not believed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  maxEduEntries,
  parseEdu,
  parsePresenceEdu,
  parseReceiptEdu,
  parseTypingEdu,
} from '../../../server/events/edu.js'
import type { JsonObject } from '../../../server/events/pdu.js'
import { parseServerName } from '../../../server/kernel/identifiers.js'

const origin = parseServerName('b.example')!
const roomId = '!room:a.example'
const bob = '@bob:b.example'
const eve = '@eve:e.example'

describe('typing', () => {
  test('is read for a user of the sending server', () => {
    expect(parseTypingEdu({ room_id: roomId, user_id: bob, typing: true }, origin)).toEqual({
      roomId,
      userId: bob,
      isTyping: true,
    })
  })

  test('is dropped for a user of another server and where a member is wrong', () => {
    const good = { room_id: roomId, user_id: bob, typing: true }
    for (const change of [{ user_id: eve }, { user_id: 1 }, { room_id: 'x' }, { typing: 'yes' }, { typing: undefined }])
      expect(parseTypingEdu({ ...good, ...change }, origin)).toBeUndefined()
  })
})

describe('receipts', () => {
  const read = (receipt: unknown, user = bob) =>
    parseReceiptEdu({ [roomId]: { 'm.read': { [user]: receipt } } }, origin)

  test('are read with time and thread', () => {
    const base = { roomId, receiptType: 'm.read', userId: bob, eventId: '$x', ts: 5 }
    expect(read({ event_ids: ['$x'], data: { ts: 5 } })).toEqual([base])
    expect(read({ event_ids: ['$x'], data: { ts: 5, thread_id: 'main' } })).toEqual([{ ...base, threadId: 'main' }])
    expect(read({ event_ids: ['$x'], data: { ts: 5, thread_id: '$root' } })).toEqual([{ ...base, threadId: '$root' }])
  })

  test('of users of other servers are dropped', () => {
    expect(read({ event_ids: ['$x'], data: { ts: 5 } }, eve)).toEqual([])
  })

  test('that are malformed are dropped, the others stay', () => {
    for (const bad of [
      null,
      {},
      { event_ids: [], data: { ts: 5 } },
      { event_ids: ['x'], data: { ts: 5 } },
      { event_ids: ['$x'], data: {} },
      { event_ids: ['$x'], data: { ts: 1.5 } },
      { event_ids: ['$x'], data: { ts: 5, thread_id: 7 } },
    ]) {
      const good = { event_ids: ['$x'], data: { ts: 5 } }
      const content = { '!x': 1, bad: {}, [roomId]: { 'm.read': { [bob]: bad, '@ben:b.example': good } } }
      expect(parseReceiptEdu(content, origin).map((receipt) => receipt.userId)).toEqual(['@ben:b.example'])
    }
  })

  test('private receipts are never read from another server', () => {
    const receipts = { [bob]: { event_ids: ['$x'], data: { ts: 5 } } }
    expect(parseReceiptEdu({ [roomId]: { 'm.read.private': receipts } }, origin)).toEqual([])
  })

  test('beyond the limit are not read', () => {
    const entries = Array.from({ length: maxEduEntries + 5 }, (_, i) => [
      `@u${i}:b.example`,
      { event_ids: ['$x'], data: { ts: 5 } },
    ])
    const content = { [roomId]: { 'm.read': Object.fromEntries(entries) as JsonObject } }
    expect(parseReceiptEdu(content, origin)).toHaveLength(maxEduEntries)
  })
})

describe('presence', () => {
  const push = (...entries: unknown[]) => parsePresenceEdu({ push: entries }, origin)

  test('is read with all it says', () => {
    const entry = { user_id: bob, presence: 'online', status_msg: 'x', last_active_ago: 5, currently_active: true }
    expect(push(entry)).toEqual([
      { userId: bob, presence: 'online', statusMsg: 'x', lastActiveAgoMs: 5, isCurrentlyActive: true },
    ])
    expect(push({ user_id: bob, presence: 'offline' })).toEqual([
      { userId: bob, presence: 'offline', isCurrentlyActive: false },
    ])
  })

  test('of users of other servers, and in unknown states, is dropped', () => {
    expect(push({ user_id: eve, presence: 'online' }, { user_id: bob, presence: 'busy' }, null, 1)).toEqual([])
  })

  test('a status that is too long and a time that is no time are left out', () => {
    const entry = { user_id: bob, presence: 'online', status_msg: 'x'.repeat(2000), last_active_ago: -1 }
    expect(push(entry)).toEqual([{ userId: bob, presence: 'online', isCurrentlyActive: false }])
  })

  test('without a list is nothing', () => {
    expect(parsePresenceEdu({}, origin)).toEqual([])
  })
})

test('an EDU needs a type and a content', () => {
  expect(parseEdu({ edu_type: 'x', content: {}, more: 1 })).toEqual({ edu_type: 'x', content: {} })
  for (const value of [null, [], 'x', {}, { edu_type: 1, content: {} }, { edu_type: 'x', content: [] }])
    expect(parseEdu(value)).toBeUndefined()
})

test('no content makes the parsers throw', () => {
  const content = fc.dictionary(fc.constantFrom(roomId, 'push', 'user_id', 'room_id', 'typing'), fc.jsonValue())
  fc.assert(
    fc.property(content, (value) => {
      parseTypingEdu(value, origin)
      expect(parseReceiptEdu(value, origin).every((receipt) => receipt.userId.endsWith(':b.example'))).toBe(true)
      expect(parsePresenceEdu(value, origin).every((entry) => entry.userId.endsWith(':b.example'))).toBe(true)
    }),
  )
})
