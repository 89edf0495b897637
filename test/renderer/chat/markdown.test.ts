/** What the user wrote, as message content. */
import { describe, expect, test } from 'vitest'
import {
  buildEdit,
  buildTextContent,
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
