/** Which relations and edits count. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import { isValidEdit, mayRootThread, relationOf } from '../../../server/events/relations.js'

const event = (pdu: Record<string, unknown>, more: object = {}) =>
  ({
    ...{ eventId: '$original', roomId: '!r:x' },
    pdu: { type: 'm.room.message', sender: '@a:x', content: { body: 'x' }, ...pdu },
    ...more,
  }) as unknown as PduEvent & { redactedBy?: never }
const relation = (rel_type: unknown, event_id: unknown) => ({ 'm.relates_to': { rel_type, event_id } })
const edit = (
  pdu: Record<string, unknown> = {},
  content: Record<string, unknown> = { 'm.new_content': {} },
  more = {},
) => event({ content: { ...relation('m.replace', '$original'), ...content }, ...pdu }, { eventId: '$edit', ...more })

test.each([
  ['text', 'm.thread'],
  ['a list', ['m.thread', '$e']],
  ['no event', { rel_type: 'm.thread' }],
  ['an event that is none', { rel_type: 'm.thread', event_id: 'e' }],
  ['no type', { event_id: '$e' }],
  ['a type that is no text', { rel_type: 5, event_id: '$e' }],
  ['a type that is too long', { rel_type: 'x'.repeat(256), event_id: '$e' }],
  ['only a reply', { 'm.in_reply_to': { event_id: '$e' } }],
])('%s is no relation', (_, relates) => {
  expect(relationOf({ content: { 'm.relates_to': relates } })).toBeUndefined()
})

describe('an edit counts', () => {
  test('of the same room, sender and type, with new content', () => {
    expect(isValidEdit(event({}), edit())).toBe(true)
  })
  test.each([
    ['of another event', edit({ content: { 'm.new_content': {}, ...relation('m.replace', '$other') } })],
    ['by another relation', edit({ content: { 'm.new_content': {}, ...relation('m.reference', '$original') } })],
    ['in another room', edit({}, undefined, { roomId: '!other:x' })],
    ['by somebody else', edit({ sender: '@b:x' })],
    ['of another type', edit({ type: 'm.sticker' })],
    ['that is a state event', edit({ state_key: '' })],
    ['without new content', edit({}, {})],
    ['with new content that is no object', edit({}, { 'm.new_content': 'x' })],
  ])('but none %s', (_, candidate) => {
    expect(isValidEdit(event({}), candidate)).toBe(false)
  })
  test.each([
    ['a state event', event({ state_key: '' })],
    ['an edit', event({ content: relation('m.replace', '$e') })],
    ['a redacted event', event({}, { redactedBy: '$r' })],
  ])('but never of %s', (_, original) => {
    expect(isValidEdit(original, edit())).toBe(false)
  })
  test('without visible new content where both are encrypted', () => {
    expect(isValidEdit(event({ type: 'm.room.encrypted' }), edit({ type: 'm.room.encrypted' }, {}))).toBe(true)
  })
})

test('a thread begins at any event that relates to none', () => {
  expect(mayRootThread(event({ content: { 'm.relates_to': { 'm.in_reply_to': { event_id: '$e' } } } }))).toBe(true)
  expect(mayRootThread(event({ content: relation('m.thread', '$e') }))).toBe(false)
})
