/** What the user wrote, as message content. */
import { describe, expect, test } from 'vitest'
import {
  buildEdit,
  buildTextContent,
  mentionsIn,
  renderMarkdown,
  withReply,
} from '../../../renderer/features/chat/composer/markdown.js'

const html = (markdown: string) => buildTextContent(markdown).formatted_body

describe('formatting', () => {
  test.each(['hello', 'a < b & c > d', '"quoted" and \'single\'', 'two\nlines', '3 * 4 * 5', 'snake_case_name'])(
    'plain text stays plain: %j',
    (text) => {
      expect(buildTextContent(text)).toEqual({ msgtype: 'm.text', body: text, 'm.mentions': {} })
    },
  )

  test.each([
    ['**bold**', '<strong>bold</strong>'],
    ['*it* and `code`', '<em>it</em> and <code>code</code>'],
    ['~~gone~~', '<del>gone</del>'],
    ['> quote', '<blockquote>\n<p>quote</p>\n</blockquote>'],
    ['- a\n- b', '<ul>\n<li>a</li>\n<li>b</li>\n</ul>'],
  ])('%j', (markdown, expected) => {
    expect(html(markdown)).toBe(expected)
  })

  test('a code block keeps its language', () => {
    expect(html('```ts\nlet a = 1\n```')).toBe('<pre><code class="language-ts">let a = 1\n</code></pre>')
  })

  test('HTML that the user types is text', () => {
    expect(renderMarkdown('<b>x</b> <img src=x onerror=alert(1)>')).not.toMatch(/<(b|img)/)
    expect(html('**a** <script>alert(1)</script>')).toContain('&lt;script&gt;')
  })

  test('a picture in markdown is text: it would be fetched from elsewhere', () => {
    expect(renderMarkdown('![x](https://example.org/x.png)')).not.toContain('<img')
  })
})

describe('mentions', () => {
  const mentions = [
    { text: '@Ana', userId: '@ana:test' },
    { text: '@Ana Maria', userId: '@anamaria:test' },
  ]

  test('become links and are listed once', () => {
    const content = buildTextContent('@Ana hello, @Ana!', mentions)

    expect(content['m.mentions']).toEqual({ user_ids: ['@ana:test'] })
    expect(content.formatted_body).toContain('<a href="https://matrix.to/#/%40ana%3Atest">Ana</a> hello')
  })

  test('the longer of two names that begin alike is meant', () => {
    expect(buildTextContent('hi @Ana Maria', mentions).formatted_body).toContain('%40anamaria%3Atest">Ana Maria</a>')
  })

  test('one that was deleted again calls nobody', () => {
    expect(buildTextContent('never mind', mentions)['m.mentions']).toEqual({})
  })

  test('a name full of markdown does no harm', () => {
    const content = buildTextContent('@a*b[c]( hi', [{ text: '@a*b[c](', userId: '@x:test' }])

    expect(content.formatted_body).toBe('<a href="https://matrix.to/#/%40x%3Atest">a*b[c](</a> hi')
  })
})

test('an edit carries the new content and a fallback', () => {
  const content = buildTextContent('**new**')

  expect(buildEdit(content, '$old')).toMatchObject({
    body: '* **new**',
    formatted_body: '* <strong>new</strong>',
    'm.new_content': content,
    'm.relates_to': { rel_type: 'm.replace', event_id: '$old' },
  })
})

test('a reply mentions whom it answers, once', () => {
  const content = withReply(buildTextContent('@Ana yes', [{ text: '@Ana', userId: '@ana:test' }]), '$q', '@ana:test')

  expect(content['m.mentions']).toEqual({ user_ids: ['@ana:test'] })
  expect(content['m.relates_to']).toEqual({ 'm.in_reply_to': { event_id: '$q' } })
})

describe('an edit', () => {
  const before = buildTextContent('@Ana & Co and @bo:test', [
    { text: '@Ana & Co', userId: '@ana:test' },
    { text: '@bo:test', userId: '@bo:test' },
  ])

  test('keeps the mentions that are still in its text and calls only those who are new', () => {
    const mentions = mentionsIn(before, before.body)
    const next = buildTextContent('@Ana & Co and @Cleo', [...mentions, { text: '@Cleo', userId: '@cleo:test' }])
    const edit = buildEdit(next, '$old', before['m.mentions'])

    expect(mentions.map(({ userId }) => userId)).toEqual(['@ana:test', '@bo:test'])
    expect(edit['m.mentions']).toEqual({ user_ids: ['@cleo:test'] })
    expect(edit['m.new_content']).toMatchObject({ 'm.mentions': { user_ids: ['@ana:test', '@cleo:test'] } })
    expect(next.formatted_body).toContain('%40ana%3Atest">Ana &amp; Co</a>')
  })

  test('of a message of another client takes what it says of mentions with care', () => {
    expect(mentionsIn({ 'm.mentions': { user_ids: ['@x:test', 3], room: 'yes' } }, 'hi @x:test')).toEqual([
      { text: '@x:test', userId: '@x:test' },
    ])
    expect(mentionsIn({ 'm.mentions': null, formatted_body: 7 }, 'hi')).toEqual([])
  })
})

test.each([
  ['@room dinner', true],
  ['dinner, @room!', true],
  ['me@room.org', false],
  ['@roommate', false],
])('%j calls the room: %j', (text, calls) => {
  expect(buildTextContent(text)['m.mentions'].room === true).toBe(calls)
})
