/** What others send as HTML, made safe; in Chromium, since a browser's parser is what decides. */
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright'
import { build, type Rollup } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumArguments, chromiumPath } from '../../support/chromium.mjs'

type MessageHtml = typeof import('../../../renderer/features/chat/timeline/message-html.js')
declare const messageHtml: MessageHtml

let browser: Browser
let page: Page

beforeAll(async () => {
  const entry = fileURLToPath(new URL('../../../renderer/features/chat/timeline/message-html.ts', import.meta.url))
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, lib: { entry, formats: ['iife'], name: 'messageHtml' } },
  })) as Rollup.RollupOutput[]
  browser = await chromium.launch({ executablePath: chromiumPath(), args: chromiumArguments })
  page = await browser.newPage()
  await page.addScriptTag({ content: built[0]!.output[0].code })
})
afterAll(() => browser?.close())

const sanitize = (html: string) => page.evaluate((given) => messageHtml.sanitizeMessageHtml(given), html)
const plain = (text: string) => page.evaluate((given) => messageHtml.plainTextHtml(given), text)

describe('what could act is gone', () => {
  test.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<img src="https://tracker.example/x.png">',
    '<a href="javascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<b onclick=alert(1) style="position:fixed">x</b>',
    '<iframe src="https://example.org"></iframe>',
    '<svg><script>alert(1)</script></svg>',
    '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
    '<form action="/"><input name=x><button>x</button></form>',
    '<style>*{display:none}</style>',
    '<a id="root" class="pill" name="x">x</a>',
    '<p data-event-id="$x" data-key="y">x</p>',
    '<object data="x"></object><embed src="x"><link rel=stylesheet href=x><meta http-equiv=refresh content=0>',
  ])('%s', async (html) => {
    const safe = await sanitize(html)

    expect(safe).not.toMatch(/<(script|iframe|svg|math|form|input|button|style|object|embed|link|meta)/i)
    expect(safe).not.toMatch(/\s(on\w+|style|id|name|src|data-event-id|data-key)=/i)
    expect(safe).not.toMatch(/javascript:|data:/i)
  })

  test('and nothing of it ran', async () => {
    expect(await page.evaluate(() => 'alerted' in window)).toBe(false)
  })
})

describe('what the spec allows stays', () => {
  test('formatting, lists, tables, code with its language', async () => {
    const html =
      '<h1>T</h1><p><strong>b</strong> <em>i</em> <del>d</del></p><ol start="3"><li>x</li></ol>' +
      '<table><thead><tr><th>a</th></tr></thead></table><pre tabindex="0"><code class="language-ts">x</code></pre><hr>'

    expect(await sanitize(html)).toBe(html)
  })

  test('a class that is no language goes', async () => {
    expect(await sanitize('<code class="pill evil">x</code>')).toBe('<code>x</code>')
  })

  test('the quoted reply goes with its content', async () => {
    expect(await sanitize('<mx-reply><blockquote>quoted</blockquote></mx-reply>answer')).toBe('answer')
  })

  test('nesting is cut at a hundred', async () => {
    const depth = (await sanitize(`${'<blockquote>'.repeat(500)}deep`)).split('<blockquote>').length - 1

    expect(depth).toBeLessThanOrEqual(101)
    expect(depth).toBeGreaterThan(90)
  })

  test('a message longer than any person writes is shown as far as three thousand tags', async () => {
    const safe = await sanitize(`${'<b>x</b>'.repeat(10_000)}end`)

    expect(safe.split('<b>').length - 1).toBe(1_500)
    expect(safe).toMatch(/x<\/b>…$/)
  })

  test('a picture from mxc:// waits to be loaded with the token, no larger than fits', async () => {
    const safe = await sanitize('<img src="mxc://example.org/abc" width="9000" height="20" alt="smile">')

    expect(safe).toContain('data-mxc="mxc://example.org/abc"')
    expect(safe).toContain('width="360"')
    expect(safe).not.toContain(' src=')
  })

  test('a spoiler can be reached by keyboard', async () => {
    const safe = await sanitize('<span data-mx-spoiler="why">secret</span>')

    expect(safe).toContain('role="button"')
    expect(safe).toContain('aria-expanded="false"')
  })
})

describe('what is made to be slow', () => {
  const long = 60_000
  const timed = (html: string, how: 'sanitizeMessageHtml' | 'plainTextHtml') =>
    page.evaluate(
      ([given, name]) => {
        const began = performance.now()
        messageHtml[name](given)
        return performance.now() - began
      },
      [html, how] as const,
    )

  test.each([
    ['elements in elements', '<b>'.repeat(long / 3)],
    ['elements that are none, in each other', '<x>'.repeat(long / 3)],
    ['blocks in blocks', '<div>'.repeat(long / 5)],
    ['formats that are taken up again', '<b><i><u><s>'.repeat(100) + '<p>'.repeat(long / 3)],
    ['a table of tables', '<table>'.repeat(long / 7)],
    ['an address with brackets after it', `https://a.b${')'.repeat(long)}`],
    ['an address with brackets in pairs', `https://a.b${'()'.repeat(long / 2)}${')'.repeat(100)}`],
    ['an address with full stops', `https://a.b${'.'.repeat(long)}x`],
    ['beginnings of addresses', 'www.'.repeat(long / 4)],
    ['comments that do not end', '<!--'.repeat(long / 4)],
    ['tags of many attributes', `<b ${'a '.repeat(990)}>`.repeat(long / 2_000)],
    ['attributes', `<b ${Array.from({ length: long / 8 }, (_, i) => `a${i}=1`).join(' ')}>x`],
  ])('takes no longer than a table of as many characters: %s', async (_, html) => {
    const table = `<table>${'<tr><td>1'.repeat(1_400)}${'x'.repeat(long)}`
    const usual = Math.max(await timed(table, 'sanitizeMessageHtml'), await timed(table, 'sanitizeMessageHtml'))

    expect(await timed(html, 'sanitizeMessageHtml')).toBeLessThan(usual * 4 + 50)
    expect(await timed(html, 'plainTextHtml')).toBeLessThan(usual * 4 + 50)
  })
})

describe('links', () => {
  test('open outside and tell nothing', async () => {
    const safe = await sanitize('<a href="https://example.org/">x</a>')

    expect(safe).toContain('target="_blank"')
    expect(safe).toContain('rel="noopener noreferrer"')
  })

  test('to people become pills', async () => {
    const safe = await sanitize('<a href="https://matrix.to/#/@ana:example.org">Ana</a>')

    expect(safe).toContain('class="pill"')
    expect(safe).toContain('data-user-id="@ana:example.org"')
  })

  test.each([
    ['see https://example.org/a_(b), ok', 'https://example.org/a_(b)'],
    ['(https://example.org/x)', 'https://example.org/x'],
    ['https://example.org/x.', 'https://example.org/x'],
    ['www.example.org!', 'https://www.example.org'],
  ])('in plain text %j', async (text, href) => {
    const html = await plain(text)

    expect(html).toContain(`href="${href}"`)
    expect(html.replace(/<[^>]+>/g, '')).toBe(text)
  })

  test('are not made inside links and code', async () => {
    const safe = await sanitize('<code>https://example.org</code> <a href="https://a.org">https://b.org</a>')

    expect(safe.match(/<a /g)).toHaveLength(1)
  })
})

test('plain text is text', async () => {
  expect(await plain('<b>x</b> & "y"')).toBe('&lt;b&gt;x&lt;/b&gt; &amp; "y"')
})
