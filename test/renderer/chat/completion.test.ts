/** What the composer offers for the word at the cursor, and its commands. */
import { describe, expect, test } from 'vitest'
import { parseCommand } from '../../../renderer/features/chat/composer/commands.js'
import { findTrigger, suggest } from '../../../renderer/features/chat/composer/completion.js'
import { emojis } from '../../../renderer/features/chat/composer/emoji.js'
import { ana, bo, cy, memberRow, summaryRow } from '../support/rows.js'

const trigger = (text: string) => findTrigger(text, text.length)

describe('the word at the cursor', () => {
  test.each([
    ['hello @an', { sigil: '@', term: 'an', start: 6, end: 9 }],
    ['@', { sigil: '@', term: '', start: 0, end: 1 }],
    ['(:smi', { sigil: ':', term: 'smi', start: 1, end: 5 }],
    ['see #gar', { sigil: '#', term: 'gar', start: 4, end: 8 }],
    ['/in', { sigil: '/', term: 'in', start: 0, end: 3 }],
  ])('%j asks for a completion', (text, expected) => {
    expect(trigger(text)).toEqual(expected)
  })

  test.each(['mail ana@test', 'at 12:30', ':)', 'a /command', '@an done'])('%j does not', (text) => {
    expect(trigger(text)).toBeUndefined()
  })
})

describe('people', () => {
  const members = [
    memberRow(ana, { displayname: 'Ana' }),
    memberRow(bo, { displayname: 'Bo Anderson' }),
    memberRow(cy, { displayname: 'Cyrus' }),
    memberRow('@gone:test', { displayname: 'Annika', membership: 'leave' }),
    memberRow('@anders:test', { displayname: 'Anders' }),
  ]
  const names = (text: string, recent: string[] = []) =>
    suggest(trigger(text)!, { members, rooms: [], userId: ana, recent }).map(({ key }) => key)

  test('begin with the term, in the name before inside it; not oneself, not who left', () => {
    expect(names('@an')).toEqual(['@anders:test', bo])
  })

  test('who spoke last comes first', () => {
    expect(names('@', [cy, bo])).toEqual([cy, bo, '@anders:test'])
  })

  test('the completion is the name with a space after it', () => {
    const [first] = suggest(trigger('@cy')!, { members, rooms: [], userId: ana, recent: [] })

    expect(first?.insert).toBe('@Cyrus ')
  })
})

test('rooms are offered by address', () => {
  const rooms = [summaryRow({ canonical_alias: '#garden:test', name: 'Beds' }), summaryRow({ name: 'No address' })]
  const found = suggest(trigger('#gar')!, { members: [], rooms, userId: ana, recent: [] })

  expect(found.map(({ insert }) => insert)).toEqual(['#garden:test '])
})

test('every emoji of the table has a name and a sign', () => {
  expect(emojis.length).toBeGreaterThan(200)
  for (const { name, emoji } of emojis) {
    expect(name).toMatch(/^[a-z0-9_+-]+$/)
    expect(emoji).toMatch(/\p{Extended_Pictographic}|\p{Emoji}/u)
  }
  expect(new Set(emojis.map(({ name }) => name)).size).toBe(emojis.length)
})

describe('commands', () => {
  test.each([
    ['/me waves', { kind: 'command', name: 'me', rest: 'waves' }],
    ['/LEAVE', { kind: 'command', name: 'leave', rest: '' }],
    ['//me is text', { kind: 'text', text: '/me is text' }],
    ['/nothing here', { kind: 'unknown', name: 'nothing' }],
    ['/ etc', { kind: 'text', text: '/ etc' }],
    ['/usr/bin', { kind: 'text', text: '/usr/bin' }],
    ['hello', { kind: 'text', text: 'hello' }],
  ])('%j', (text, parsed) => {
    expect(parseCommand(text)).toEqual(parsed)
  })
})
