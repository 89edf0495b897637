/**
 * What the user wrote, as the content of a message.
 *
 * Markdown becomes `formatted_body` only where it says more than the text itself. HTML that the
 * user typed is text. A mention is the text the completion put in, remembered with its user.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroommessage-msgtypes,
 *       https://spec.matrix.org/v1.19/client-server-api/#user-and-room-mentions
 */
import { Marked } from 'marked'
import { linkToUser, parseMatrixLink } from '../matrix-links.js'

export type Mention = { text: string; userId: string }
export type MessageContent = {
  msgtype: string
  body: string
  format?: 'org.matrix.custom.html'
  formatted_body?: string
  'm.mentions': Mentioned
}
export type Mentioned = { user_ids?: string[]; room?: true }

const escapeHtml = (text: string) =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: { html: ({ text }) => escapeHtml(text), image: ({ raw }) => escapeHtml(raw) },
})

/** @param markdown not empty */
export function buildTextContent(
  markdown: string,
  mentions: readonly Mention[] = [],
  options: { msgtype?: 'm.text' | 'm.emote' | 'm.notice'; isPlain?: boolean } = {},
): MessageContent {
  const used = mentions.filter((mention) => markdown.includes(mention.text))
  const userIds = [...new Set(used.map((mention) => mention.userId))]
  const content: MessageContent = {
    msgtype: options.msgtype ?? 'm.text',
    body: markdown,
    'm.mentions': { ...(userIds.length > 0 && { user_ids: userIds }), ...(callsRoom(markdown) && { room: true }) },
  }
  if (options.isPlain) return content
  const html = renderMarkdown(withMentionLinks(markdown, used))
  if (html !== plainParagraph(markdown)) {
    content.format = 'org.matrix.custom.html'
    content.formatted_body = html
  }
  return content
}

/** `@room` as a word of its own calls everybody, where the sender may. */
const callsRoom = (text: string) => /(^|[^\w@])@room(?!\w)/.test(text)

/**
 * The mentions of a message that is edited, found again in its text: links to users in its HTML, and plain user IDs.
 *
 * @param body the text as the composer shows it
 */
export function mentionsIn(content: Readonly<Record<string, unknown>>, body: string): Mention[] {
  const html = typeof content.formatted_body === 'string' ? content.formatted_body : ''
  const found: Mention[] = []
  for (const [, href = '', label = ''] of html.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)) {
    const target = parseMatrixLink(unescapeHtml(href))
    const name = unescapeHtml(label)
    const text = [`@${name.replace(/^@/, '')}`, name].find((each) => each !== '' && body.includes(each))
    if (target?.kind === 'user' && text) found.push({ text, userId: target.userId })
  }
  const known = new Set(found.map(({ userId }) => userId))
  for (const userId of mentionedIn(content).user_ids ?? [])
    if (!known.has(userId) && body.includes(userId)) found.push({ text: userId, userId })
  return found
}

/** Whom a message says it mentions; only what is of the right shape. */
export function mentionedIn(content: Readonly<Record<string, unknown>>): Mentioned {
  const mentions = content['m.mentions'] as { user_ids?: unknown; room?: unknown } | undefined
  const userIds = Array.isArray(mentions?.user_ids) ? mentions.user_ids.filter((id) => typeof id === 'string') : []
  return { ...(userIds.length > 0 && { user_ids: userIds }), ...(mentions?.room === true && { room: true }) }
}

const unescapeHtml = (text: string) =>
  text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'")
    .replace(/&amp;/g, '&')

/** HTML of markdown; a single paragraph without its <p>, as other clients do. */
export function renderMarkdown(markdown: string): string {
  const html = (marked.parse(markdown, { async: false }) as string).trim()
  const only = /^<p>([\s\S]*)<\/p>$/.exec(html)
  return only && !only[1]!.includes('<p>') ? only[1]! : html
}

/** What plain text would become: nothing but escapes and line breaks. */
const plainParagraph = (text: string) => escapeHtml(text.trim()).replace(/'/g, '&#39;').replace(/\n/g, '<br>')

function withMentionLinks(markdown: string, mentions: readonly Mention[]): string {
  const longestFirst = [...mentions].sort((a, b) => b.text.length - a.text.length)
  if (longestFirst.length === 0) return markdown
  const pattern = new RegExp(longestFirst.map(({ text }) => escapeRegExp(text)).join('|'), 'g')
  return markdown.replace(pattern, (text) => {
    const mention = longestFirst.find((each) => each.text === text)!
    const label = text.replace(/^@/, '').replace(/[[\]\\*_`<>]/g, '\\$&')
    return `[${label}](${linkToUser(mention.userId)})`
  })
}

const escapeRegExp = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * An edit, with the fallback for clients that do not know edits.
 *
 * @param before whom the message mentioned until now: they are not called again
 */
export function buildEdit(content: MessageContent, eventId: string, before: Mentioned = {}): Record<string, unknown> {
  const { user_ids: userIds = [], room } = content['m.mentions']
  const added = userIds.filter((userId) => !before.user_ids?.includes(userId))
  return {
    ...content,
    body: `* ${content.body}`,
    ...(content.formatted_body ? { formatted_body: `* ${content.formatted_body}` } : {}),
    'm.mentions': { ...(added.length > 0 && { user_ids: added }), ...(room && !before.room && { room }) },
    'm.new_content': content,
    'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
  }
}

export const withReply = (content: Record<string, unknown>, eventId: string, author: string) => ({
  ...content,
  'm.mentions': {
    ...mentionedIn(content),
    user_ids: [...new Set([...(mentionedIn(content).user_ids ?? []), author])],
  },
  'm.relates_to': { 'm.in_reply_to': { event_id: eventId } },
})
