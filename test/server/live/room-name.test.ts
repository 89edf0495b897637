/** What a room is called for one of its users. */
import { describe, expect, test } from 'vitest'
import { previewOf } from '../../../server/live/projector/last-event.js'
import { type Hero, roomName } from '../../../server/live/projector/room-name.js'

const hero = (displayName: string | undefined, userId = `@${displayName?.toLowerCase()}:x`): Hero => ({
  ...{ userId, displayName, avatarUrl: undefined },
})
const nameless = (heroes: Hero[], memberCount: number) =>
  roomName({ name: undefined, alias: undefined, heroes, memberCount })

describe('the name of a room', () => {
  test('is its own, then its alias', () => {
    const facts = { heroes: [hero('Bo')], memberCount: 2 }
    expect(roomName({ name: 'Den', alias: '#den:x', ...facts })).toBe('Den')
    expect(roomName({ name: undefined, alias: '#den:x', ...facts })).toBe('#den:x')
  })

  test('is made of the others where it has none', () => {
    expect(nameless([hero('Bo')], 2)).toBe('Bo')
    expect(nameless([hero('Bo'), hero('Cy')], 3)).toBe('Bo and Cy')
    expect(nameless([hero('Bo'), hero('Cy'), hero('Di')], 4)).toBe('Bo, Cy, and Di')
    expect(nameless([hero('Bo'), hero('Cy')], 4)).toBe('Bo, Cy, and 1 other')
    expect(nameless([hero('Bo'), hero('Cy')], 1237)).toBe('Bo, Cy, and 1234 others')
  })

  test('tells two of one name apart, and has an ID for who has none', () => {
    expect(nameless([hero('Bo', '@a:x'), hero('Bo', '@b:x'), hero(undefined, '@c:x')], 4)).toBe(
      'Bo (@a:x), Bo (@b:x), and @c:x',
    )
  })

  test('says who was there where nobody is', () => {
    expect(nameless([], 1)).toBe('Empty room')
    expect(nameless([hero('Bo')], 1)).toBe('Empty room (was Bo)')
    expect(nameless([hero('Bo'), hero('Cy')], 1)).toBe('Empty room (was Bo and Cy)')
  })
})

describe('the preview of a message', () => {
  test('is one line of at most 140 characters', () => {
    expect(previewOf({ body: '  two\n\nlines  ' })).toBe('two lines')
    expect(previewOf({ body: 'x'.repeat(500) })).toHaveLength(140)
    expect(previewOf({ body: 'x'.repeat(500) }).at(-1)).toBe('…')
  })

  test('leaves out what a reply quotes', () => {
    const reply = { 'm.relates_to': { 'm.in_reply_to': { event_id: '$x' } } }
    expect(previewOf({ ...reply, body: '> <@a:x> what?\n> really\n\nyes' })).toBe('yes')
    expect(previewOf({ body: '> a quotation of its own' })).toBe('> a quotation of its own')
  })

  test('is empty where there is no text', () => {
    for (const content of [{}, { body: 5 }, null, undefined, 'x', { ciphertext: 'AwgA' }])
      expect(previewOf(content)).toBe('')
  })
})
