/** What a web page says of itself, honest pages and hostile ones. */
import { describe, expect, test } from 'vitest'
import { decodePage, readPage } from '../../../server/media/url-preview/read-page.js'

describe('an honest page', () => {
  test('Open Graph comes first, and the first of each property', async () => {
    const page = await readPage(`<!doctype html><html><head><title>Plain</title>
      <meta property="og:title" content="  A &amp; B
      "><meta property="og:title" content="Later">
      <meta name="og:site_name" content="Site"><meta property="OG:Image" content="/picture.png">
      <meta name="description" content="In words"></head><body><h1>Head</h1></body></html>`)
    expect(Object.fromEntries(page.properties)).toEqual({
      'og:title': 'A & B',
      'og:site_name': 'Site',
      'og:image': '/picture.png',
    })
    expect(page).toMatchObject({ title: 'Plain', description: 'In words' })
  })

  test('without it the title, the first paragraph and the first picture of the text', async () => {
    const page = await readPage(`<title>T</title><nav><p>Menu</p><img src="logo.svg"></nav>
      <script>var p = "<p>no</p>"</script><p>  </p><p>It was a <b>dark</b> night.</p><p>Then</p><img src="night.jpg">`)
    expect(page).toMatchObject({ title: 'T', description: 'It was a dark night.', image: 'night.jpg' })
  })

  test('a long paragraph is cut at a word', async () => {
    const { description } = await readPage(`<p>${'word '.repeat(200)}</p>`)
    expect(description!.length).toBeLessThanOrEqual(301)
    expect(description).toMatch(/word…$/)
  })

  test('the character set is what the header, the mark or the page says', () => {
    const cyrillic = Buffer.from([0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2])
    expect(decodePage(cyrillic, 'text/html; charset=windows-1251')).toBe('Привет')
    const said = Buffer.concat([Buffer.from('<meta charset="windows-1251">'), cyrillic])
    expect(decodePage(said, 'text/html')).toContain('Привет')
    expect(decodePage(Buffer.from('\ufeffgrün'), 'text/html; charset=latin1')).toBe('grün')
    expect(decodePage(Buffer.from('grün'), 'text/html; charset=nonsense')).toBe('grün')
  })
})

describe('a hostile page', () => {
  test.each([
    ['open elements without end, and ends that fit none', `${'<b>'.repeat(100_000)}${'</i>'.repeat(100_000)}`],
    ['as many properties as fit', '<meta property="og:a" content="x">'.repeat(20_000)],
    ['one endless attribute', `<meta property="og:title" content="${'x'.repeat(900_000)}">`],
    ['one endless tag', `<${'a '.repeat(400_000)}`],
    ['entities', '&amp'.repeat(200_000)],
  ])('%s: is read in no time, and the event loop turns meanwhile', async (_name, html) => {
    let longest = 0
    let last = performance.now()
    const timer = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 1)
    const begun = performance.now()
    const page = await readPage(html)
    clearInterval(timer)
    expect(performance.now() - begun).toBeLessThan(3_000)
    expect(longest).toBeLessThan(300)
    for (const value of page.properties.values()) expect(value.length).toBeLessThanOrEqual(1_000)
  })

  test('no more properties are kept than anybody shows', async () => {
    const page = await readPage([...Array(500).keys()].map((n) => `<meta property="og:p${n}" content="x">`).join(''))
    expect(page.properties.size).toBe(40)
  })
})
