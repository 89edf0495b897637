/** Links to people, rooms and events. */
import { describe, expect, test } from 'vitest'
import { linkToRoom, linkToUser, parseMatrixLink } from '../../../renderer/features/chat/matrix-links.js'

describe('parsing', () => {
  test.each([
    ['https://matrix.to/#/@ana:example.org', { kind: 'user', userId: '@ana:example.org' }],
    ['https://matrix.to/#/%40ana%3Aexample.org', { kind: 'user', userId: '@ana:example.org' }],
    ['https://matrix.to/#/#garden:example.org', { kind: 'room', idOrAlias: '#garden:example.org', via: [] }],
    [
      'https://matrix.to/#/!abc:example.org/$ev?via=a.org&via=b.org',
      { kind: 'room', idOrAlias: '!abc:example.org', eventId: '$ev', via: ['a.org', 'b.org'] },
    ],
    ['matrix:u/ana:example.org', { kind: 'user', userId: '@ana:example.org' }],
    ['matrix:r/garden:example.org?action=join', { kind: 'room', idOrAlias: '#garden:example.org', via: [] }],
    [
      'matrix:roomid/abc:example.org/e/ev?via=a.org',
      { kind: 'room', idOrAlias: '!abc:example.org', eventId: '$ev', via: ['a.org'] },
    ],
  ])('%s', (link, target) => {
    expect(parseMatrixLink(link)).toEqual(target)
  })

  test.each([
    'https://example.org/#/@ana:example.org',
    'https://matrix.to/#/nonsense',
    'matrix:x/y',
    'javascript:alert(1)',
    '%',
  ])('%s leads nowhere in Matrix', (link) => {
    expect(parseMatrixLink(link)).toBeUndefined()
  })
})

test('what is written can be read', () => {
  expect(parseMatrixLink(linkToUser('@ana:example.org'))).toEqual({ kind: 'user', userId: '@ana:example.org' })
  expect(parseMatrixLink(linkToRoom('!a:b', ['c.org'], '$e'))).toEqual({
    kind: 'room',
    idOrAlias: '!a:b',
    eventId: '$e',
    via: ['c.org'],
  })
})
