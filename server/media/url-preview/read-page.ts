/**
 * What a web page says of itself: Open Graph first, then what its plain HTML tells.
 *
 * The page is a stranger's: it is read in pieces between which the event loop turns, elements nested too deep end the
 * reading, and all that is kept of it is bounded.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url and https://ogp.me
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Parser } from 'htmlparser2'

export type PageFacts = {
  /** Open Graph properties by name, `og:…`; the first of each. */
  properties: ReadonlyMap<string, string>
  title?: string
  description?: string
  /** As the page spells it: relative perhaps. */
  image?: string
}

const pieceChars = 8 * 1024
/** The parser looks through all open elements for each end tag that fits none. */
const maxDepth = 128
const maxProperties = 40
export const maxValueChars = 1_000
const maxTextChars = 300

/** Elements whose text says nothing of the page. */
const silent = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'svg',
  'nav',
  'header',
  'footer',
  'aside',
  'form',
  'button',
])

export async function readPage(html: string): Promise<PageFacts> {
  const reader = new PageReader()
  const parser = new Parser(reader, { decodeEntities: true })
  for (let at = 0; at < html.length && !reader.isDone; at += pieceChars) {
    parser.write(html.slice(at, at + pieceChars))
    await nextTurn()
  }
  return reader.facts()
}

class PageReader {
  readonly #properties = new Map<string, string>()
  /** `name`d meta elements and others' words: used where Open Graph says nothing. */
  readonly #other = new Map<string, string>()
  readonly #texts = { title: '', heading: '', paragraph: '' }
  #depth = 0
  #silentDepth = 0
  /** The element whose text is being read. */
  #into: { place: 'title' | 'heading' | 'paragraph'; tag: string } | undefined

  get isDone(): boolean {
    return this.#depth > maxDepth
  }

  onopentag(tag: string, attributes: Record<string, string>): void {
    this.#depth += 1
    if (silent.has(tag)) this.#silentDepth += 1
    if (tag === 'meta') this.#readMeta(attributes)
    else if (tag === 'link') this.#readLink(attributes)
    else if (tag === 'img' && this.#silentDepth === 0 && attributes.src) this.#note(this.#other, 'img', attributes.src)
    else if (this.#into === undefined && this.#silentDepth === 0) {
      const place = tag === 'title' ? 'title' : tag === 'h1' ? 'heading' : tag === 'p' ? 'paragraph' : undefined
      if (place && this.#texts[place].trim() === '') this.#into = { place, tag }
    }
  }

  ontext(text: string): void {
    if (!this.#into || this.#silentDepth > 0) return
    const { place } = this.#into
    if (this.#texts[place].length < maxTextChars * 4) this.#texts[place] += text
  }

  onclosetag(tag: string): void {
    this.#depth -= 1
    if (silent.has(tag)) this.#silentDepth = Math.max(0, this.#silentDepth - 1)
    if (this.#into?.tag === tag) this.#into = undefined
  }

  facts(): PageFacts {
    const said = (...names: string[]) => names.map((name) => this.#other.get(name)).find((value) => value !== undefined)
    const { title, heading, paragraph } = this.#texts
    const facts = {
      title: said('twitter:title') ?? shorten(title) ?? shorten(heading),
      description: said('twitter:description', 'description') ?? shorten(paragraph),
      image: said('twitter:image', 'twitter:image:src', 'image_src', 'img', 'icon'),
    }
    return {
      properties: this.#properties,
      ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
    }
  }

  #readMeta({ property, name, content }: Record<string, string>): void {
    if (content === undefined) return
    // Many pages say `name` where Open Graph wants `property`, and the other way round.
    const key = (property ?? name ?? '').trim().toLowerCase()
    if (/^og:[a-z0-9:_-]{1,60}$/.test(key)) this.#note(this.#properties, key, content)
    else if (key === 'description' || key.startsWith('twitter:')) this.#note(this.#other, key, content)
  }

  #readLink({ rel, href }: Record<string, string>): void {
    if (!rel || !href) return
    const words = rel.toLowerCase().split(/\s+/)
    if (words.includes('image_src')) this.#note(this.#other, 'image_src', href)
    else if (words.includes('apple-touch-icon') || words.includes('icon')) this.#note(this.#other, 'icon', href)
  }

  #note(into: Map<string, string>, key: string, value: string): void {
    const text = value.replace(/\s+/g, ' ').trim()
    if (text !== '' && !into.has(key) && into.size < maxProperties) into.set(key, text.slice(0, maxValueChars))
  }
}

/** One line, cut at a word. */
function shorten(text: string): string | undefined {
  const line = text.replace(/\s+/g, ' ').trim()
  if (line === '') return undefined
  if (line.length <= maxTextChars) return line
  const cut = line.slice(0, maxTextChars)
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), maxTextChars / 2)).trimEnd()}…`
}

/** The text of a page: by its header, its byte order mark, its own word in the first kilobyte, else UTF-8. */
export function decodePage(bytes: Buffer, contentType: string | undefined): string {
  const start = bytes.toString('latin1', 0, 1024)
  const label =
    (bytes[0] === 0xef && bytes[1] === 0xbb ? 'utf-8' : undefined) ??
    /charset\s*=\s*["']?([\w-]+)/i.exec(contentType ?? '')?.[1] ??
    /<meta[^>]{0,200}charset\s*=\s*["']?([\w-]+)/i.exec(start)?.[1] ??
    'utf-8'
  try {
    return new TextDecoder(label).decode(bytes)
  } catch {
    return new TextDecoder().decode(bytes) // a character set that nobody knows
  }
}
