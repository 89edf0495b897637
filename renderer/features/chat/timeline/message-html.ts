/**
 * Turns what a message holds into HTML that is safe to show.
 *
 * The allow-list of elements and attributes is the spec's. On top: pictures only from mxc:// (they
 * are loaded with the access token later, from `data-mxc`), links open outside, links to people and
 * rooms become pills, colours are dropped (colour means something in this app), nesting is cut at 100.
 * Loaded with the first message that needs it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroommessage-msgtypes
 */
import DOMPurify from 'dompurify'
import { parseMxc } from '../../../platform/matrix/media.js'
import { parseMatrixLink } from '../matrix-links.js'

const allowedTags = [
  ...['del', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'p', 'a', 'ul', 'ol', 'sup', 'sub', 'li', 'b', 'i'],
  ...['u', 'strong', 'em', 's', 'code', 'hr', 'br', 'div', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'caption'],
  ...['pre', 'span', 'img', 'details', 'summary'],
]
/** `mx-reply` goes with its content: the quote is shown by the reply itself. */
const droppedWhole = ['mx-reply', 'script', 'style', 'template', 'iframe', 'svg', 'math', 'noscript']
const linkSchemes = /^(https?|ftp|mailto|magnet|matrix):/i
const deepest = 100
/** What is more than any message of a person's is not shown: the parser's work grows with the square of nesting … */
const mostTags = 3_000
/** … and of attributes. */
const longestTag = 2_048
/** Fewer cannot nest so deep that it costs anything. */
const fewTags = 200
const largestPicture = 360

/** Attributes by element; everything else goes. */
const allowedAttributes: Record<string, readonly string[]> = {
  span: ['data-mx-spoiler'],
  a: ['href'],
  img: ['width', 'height', 'alt', 'title', 'src'],
  ol: ['start'],
  code: ['class'],
}

const purify = DOMPurify(window)
purify.addHook('uponSanitizeAttribute', (element, data) => {
  const allowed = allowedAttributes[element.tagName.toLowerCase()] ?? []
  data.keepAttr = allowed.includes(data.attrName) && isAllowedValue(element.tagName, data.attrName, data.attrValue)
})

function isAllowedValue(tag: string, name: string, value: string): boolean {
  if (name === 'href') return linkSchemes.test(value)
  if (name === 'src') return parseMxc(value) !== undefined
  if (tag === 'CODE' && name === 'class') return /^language-[\w+#-]+$/.test(value)
  return true
}

/** @param html `formatted_body` of an event, from anyone */
export function sanitizeMessageHtml(html: string): string {
  const fragment = purify.sanitize(cut(html), {
    ALLOWED_TAGS: allowedTags,
    ALLOWED_ATTR: ['data-mx-spoiler', 'href', 'width', 'height', 'alt', 'title', 'src', 'start', 'class'],
    // What is no address is not checked as one.
    ADD_URI_SAFE_ATTR: ['data-mx-spoiler', 'width', 'height', 'start', 'class'],
    ALLOWED_URI_REGEXP: /^(?:https?|ftp|mailto|magnet|matrix|mxc):/i,
    FORBID_CONTENTS: droppedWhole,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  })
  tidy(fragment, 0)
  const holder = document.createElement('div')
  holder.append(fragment)
  return holder.innerHTML
}

/** The text before the tag that is one too many, or too long; of what is left, no more levels than are shown. */
function cut(html: string): string {
  let tags = 0
  for (const { index } of html.matchAll(/<[a-z/!?]/gi)) {
    const end = html.indexOf('>', index)
    if (++tags > mostTags || (end < 0 ? html.length : end) - index > longestTag)
      return shallow(`${html.slice(0, index)}…`)
  }
  return tags > fewTags ? shallow(html) : html
}

function shallow(html: string): string {
  const { body } = new DOMParser().parseFromString(html, 'text/html') // which runs and loads nothing
  removeBelow(body, 0)
  return body.innerHTML
}

function removeBelow(parent: Element, depth: number): void {
  if (depth > deepest) parent.replaceChildren()
  else for (const child of [...parent.children]) removeBelow(child, depth + 1)
}

/** Plain text as HTML: escaped, line breaks kept by CSS, addresses made into links. */
export function plainTextHtml(text: string): string {
  const holder = document.createElement('div')
  holder.append(...linkified(text))
  return holder.innerHTML
}

function tidy(parent: Node, depth: number): void {
  for (const node of [...parent.childNodes]) {
    if (node instanceof Text) {
      const isInLink = parent instanceof Element && parent.closest('a, code, pre')
      if (!isInLink && /https?:|www\./i.test(node.data)) node.replaceWith(...linkified(node.data))
      continue
    }
    if (!(node instanceof HTMLElement) || depth >= deepest) {
      node.parentNode?.removeChild(node)
      continue
    }
    if (node instanceof HTMLImageElement) tidyPicture(node)
    else if (node instanceof HTMLAnchorElement) tidyLink(node)
    else if (node.dataset.mxSpoiler !== undefined) tidySpoiler(node)
    else if (node.tagName === 'PRE') node.tabIndex = 0 // it scrolls, so the keyboard must reach it
    tidy(node, depth + 1)
  }
}

function tidyPicture(image: HTMLImageElement): void {
  const mxc = image.getAttribute('src')
  if (!mxc) {
    image.replaceWith(image.alt)
    return
  }
  image.removeAttribute('src')
  image.dataset.mxc = mxc
  for (const side of ['width', 'height'] as const) {
    const size = Number.parseInt(image.getAttribute(side) ?? '', 10)
    if (Number.isFinite(size)) image.setAttribute(side, String(Math.min(Math.max(size, 1), largestPicture)))
    else image.removeAttribute(side)
  }
  if (!image.hasAttribute('height') && !image.hasAttribute('width')) image.height = 32
  if (!image.hasAttribute('alt')) image.alt = image.title
}

function tidyLink(link: HTMLAnchorElement): void {
  const href = link.getAttribute('href')
  if (!href) return
  const target = parseMatrixLink(href)
  if (target) {
    link.className = 'pill'
    link.dataset.kind = target.kind
    if (target.kind === 'user') link.dataset.userId = target.userId
  }
  link.target = '_blank'
  link.rel = 'noopener noreferrer'
}

/** A spoiler is a button to the keyboard and to screen readers; the click is the message's to handle. */
function tidySpoiler(span: HTMLElement): void {
  span.className = 'spoiler'
  span.tabIndex = 0
  span.setAttribute('role', 'button')
  span.setAttribute('aria-expanded', 'false')
}

const addressPattern = /\b(?:https?:\/\/|www\.)[^\s<>"]+/gi

function linkified(text: string): (Node | string)[] {
  const parts: (Node | string)[] = []
  let last = 0
  for (const match of text.matchAll(addressPattern)) {
    const address = trimAddress(match[0])
    const href = address.toLowerCase().startsWith('www.') ? `https://${address}` : address
    if (!URL.canParse(href)) continue
    const link = document.createElement('a')
    link.href = href
    link.textContent = address
    tidyLink(link)
    parts.push(text.slice(last, match.index), link)
    last = match.index + address.length
  }
  parts.push(text.slice(last))
  return parts.filter((part) => part !== '')
}

const sentenceEnds = new Set('.,;:!?\'"*_~')

/** The sentence's own punctuation at the end is no part of the address; a closed bracket is. */
function trimAddress(address: string): string {
  let end = address.length
  while (end > 0 && sentenceEnds.has(address[end - 1]!)) end--
  let open = 0
  for (const character of address.slice(0, end)) open += character === '(' ? 1 : character === ')' ? -1 : 0
  for (; open < 0 && address[end - 1] === ')'; open++) end--
  return address.slice(0, end)
}
