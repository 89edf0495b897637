/**
 * What the timeline shows, made from rows, echoes and receipts: pure.
 *
 * 1. Rows are sorted into messages, relations (edits, reactions, redactions) and state.
 * 2. Messages of one sender within five minutes form a group; a new day, a state change or the
 *    line above new messages ends it. Consecutive state changes fold into one item, and so do
 *    messages of ignored users.
 * 3. Echoes of what is being sent come last; an echo whose row is here is not shown again.
 * 4. Each reader's mark hangs on the last message they have read.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#forming-relationships-between-events
 */
import type { ReceiptRow, RoomEventRow } from '../../../../server/api/live/rows.js'
import { type Secret, secretOf } from '../../../encryption/clear-rows.js'
import { dayOf } from '../../../i18n/format.js'
import type { OutboxItem } from '../../../platform/matrix/outbox.js'
import {
  collectRelations,
  contentOf,
  type Relation,
  type Relations,
  reactionsOf,
  redactionOf,
  relationOf,
  withEdits,
} from './timeline-relations.js'

export type Reaction = { key: string; users: string[] /** Own reaction's event, to take it back. */; mine?: string }
export type Redaction = { by?: string; reason?: string; ts?: number }

export type MessageItem = {
  kind: 'message'
  key: string
  eventId: string | undefined
  seq: number | undefined
  sender: string
  ts: number
  type: string
  /** As last edited. */
  content: Record<string, unknown>
  isGroupStart: boolean
  /** Earlier contents, oldest first; empty when never edited. */
  versions: { ts: number; content: Record<string, unknown> }[]
  editedTs?: number
  redaction?: Redaction
  reactions: Reaction[]
  replyTo?: string
  echo?: OutboxItem
  /** It came encrypted: what to know of it, or why it cannot be read. */
  secret?: Secret
  readers: string[]
}
export type StateItem = {
  kind: 'state'
  key: string
  rows: RoomEventRow[] /** Content before each, where known. */
  before: (Record<string, unknown> | undefined)[]
}
export type TimelineItem =
  | MessageItem
  | StateItem
  | { kind: 'ignored'; key: string; rows: RoomEventRow[] }
  /** What this app has no way to show yet. */
  | { kind: 'other'; key: string; rows: RoomEventRow[] }
  | { kind: 'day'; key: string; ts: number }
  | { kind: 'new'; key: string }
  | { kind: 'start'; key: string }
  /** In place of the beginning while there is more above: always first, so that nothing is pushed when it loads. */
  | { kind: 'older'; key: string }
  /** Events are missing right below the one with this seq. */
  | { kind: 'hole'; key: string; seq: number }

export type TimelineInput = {
  rows: readonly RoomEventRow[]
  echoes: readonly OutboxItem[]
  userId: string
  /** Nothing older exists: the room's beginning is shown. */
  isAtStart: boolean
  /** Seqs above holes in what is loaded, ascending. */
  holes: readonly number[]
  /** The line above new messages goes after this seq; undefined for none. */
  newAfterSeq: number | undefined
  ignored: ReadonlySet<string>
  receipts: ReadonlyMap<string, ReceiptRow>
  /** The key an event had while it was an echo, so that it stays the same element. */
  keyOf(eventId: string): string
}

const groupWithinMs = 5 * 60_000

const messageTypes = new Set([
  ...['m.room.message', 'm.room.encrypted', 'm.sticker'],
  ...['m.poll.start', 'org.matrix.msc3381.poll.start'],
])
/** Types that say nothing to a reader. */
const silentTypes = new Set([
  ...['m.reaction', 'm.room.redaction', 'm.room.server_acl', 'm.space.child', 'm.space.parent'],
  ...['m.key.verification.ready', 'm.key.verification.start', 'm.key.verification.accept', 'm.key.verification.key'],
  ...['m.key.verification.mac', 'm.key.verification.cancel', 'm.key.verification.done'],
  ...['m.poll.response', 'm.poll.end', 'org.matrix.msc3381.poll.response', 'org.matrix.msc3381.poll.end'],
  ...[
    'm.call.candidates',
    'm.call.negotiate',
    'm.call.select_answer',
    'm.call.answer',
    'm.call.sdp_stream_metadata_changed',
  ],
])

export function buildTimelineItems(input: TimelineInput): TimelineItem[] {
  const relations = collectRelations(input)
  const items: TimelineItem[] = []
  const memberContent = new Map<string, Record<string, unknown>>()
  items.push(input.isAtStart ? { kind: 'start', key: 'start' } : { kind: 'older', key: 'older' })
  let day = 0
  let isNewLineDue = input.newAfterSeq !== undefined
  const hidden = rowsShownAsEchoes(input)
  const holes = [...input.holes]

  const pushNewLine = () => {
    items.push({ kind: 'new', key: 'new' })
    isNewLineDue = false
  }
  const startDay = (ts: number) => {
    if (dayOf(ts) === day) return
    // Above the oldest message that is loaded there is no line yet: older ones of its day would come between,
    // and a line that moves up is a jump. The day stands at the top of the view anyway.
    const isKnown = day !== 0 || input.isAtStart
    day = dayOf(ts)
    if (!isKnown) return
    items.push({ kind: 'day', key: `day ${day}`, ts })
  }

  for (const row of input.rows) {
    const before = contentBefore(row, memberContent)
    if (!isShown(row) || hidden.has(row.event_id)) continue
    while (holes[0] !== undefined && row.seq >= holes[0]) {
      const seq = holes.shift()!
      if (isNewLineDue && row.seq > input.newAfterSeq!) pushNewLine() // what is missing is unread too
      items.push({ kind: 'hole', key: `hole ${seq}`, seq })
    }
    startDay(row.origin_server_ts)
    if (isNewLineDue && row.seq > input.newAfterSeq! && row.sender !== input.userId && row.state_key === undefined)
      pushNewLine()
    if (input.ignored.has(row.sender)) foldInto(items, 'ignored', row)
    else if (row.state_key !== undefined) foldState(items, row, before)
    else if (!messageTypes.has(row.event_type) && !row.redacted_by) foldInto(items, 'other', row)
    else pushMessage(items, messageOf(row, relations, input))
  }

  for (const echo of input.echoes) {
    if (!messageTypes.has(echo.type) || isEditEcho(echo)) continue
    startDay(echo.createdAt)
    pushMessage(items, echoItem(echo, input.userId, input))
  }
  placeReaders(items, input)
  return items
}

function isShown(row: RoomEventRow): boolean {
  if (row.state_key !== undefined) return !silentTypes.has(row.event_type)
  if (silentTypes.has(row.event_type)) return false
  if (relationOf(row)?.rel_type === 'm.replace') return false
  return true
}

function messageOf(row: RoomEventRow, relations: Relations, input: TimelineInput): MessageItem {
  const base: MessageItem = {
    kind: 'message',
    key: input.keyOf(row.event_id),
    eventId: row.event_id,
    seq: row.seq,
    sender: row.sender,
    ts: row.origin_server_ts,
    type: row.event_type,
    content: contentOf(row),
    isGroupStart: true,
    versions: [],
    reactions: reactionsOf(row.event_id, relations, input.userId),
    readers: [],
  }
  if (row.redacted_by) return { ...base, content: {}, reactions: [], redaction: redactionOf(row, relations) }
  const replyTo = relationOf(row)?.['m.in_reply_to']?.event_id
  const secret = secretOf(row)
  return {
    ...withEdits(base, row, relations),
    ...(replyTo ? { replyTo } : {}),
    ...(secret ? { secret } : {}),
  }
}

const isEditEcho = (echo: OutboxItem) =>
  (echo.content['m.relates_to'] as Relation | undefined)?.rel_type === 'm.replace'

function echoItem(echo: OutboxItem, userId: string, input: TimelineInput): MessageItem {
  const replyTo = (echo.content['m.relates_to'] as Relation | undefined)?.['m.in_reply_to']?.event_id
  return {
    kind: 'message',
    key: echo.eventId ? input.keyOf(echo.eventId) : echo.txnId,
    eventId: undefined,
    seq: undefined,
    sender: userId,
    ts: echo.createdAt,
    type: echo.type,
    content: echo.content,
    isGroupStart: true,
    versions: [],
    reactions: [],
    readers: [],
    echo,
    ...(replyTo ? { replyTo } : {}),
  }
}

/** A row may overtake the answer to its own sending. Until the answer names the event, the echo stands for it. */
function rowsShownAsEchoes({ rows, echoes }: TimelineInput): Set<string> {
  const pending = new Set(echoes.filter((echo) => !echo.eventId).map((echo) => echo.txnHash))
  pending.delete(undefined)
  if (pending.size === 0) return new Set()
  const twins = rows.slice(-50).filter((row) => row.txn_hash !== undefined && pending.has(row.txn_hash))
  return new Set(twins.map((row) => row.event_id))
}

/** Echoes still to be shown: those whose row has not arrived. */
export function pendingEchoes(
  echoes: readonly OutboxItem[],
  rows: readonly RoomEventRow[],
  roomId: string,
): OutboxItem[] {
  const ofRoom = echoes.filter((echo) => echo.roomId === roomId)
  if (ofRoom.length === 0) return ofRoom
  const arrived = new Set(rows.map((row) => row.event_id))
  return ofRoom.filter((echo) => !echo.eventId || !arrived.has(echo.eventId))
}

function pushMessage(items: TimelineItem[], item: MessageItem): void {
  const last = items.at(-1)
  const continues =
    last?.kind === 'message' &&
    last.sender === item.sender &&
    item.ts - last.ts < groupWithinMs &&
    item.ts >= last.ts - groupWithinMs &&
    item.content.msgtype !== 'm.emote' &&
    last.content.msgtype !== 'm.emote'
  items.push({ ...item, isGroupStart: !continues })
}

function foldState(items: TimelineItem[], row: RoomEventRow, before: Record<string, unknown> | undefined): void {
  const last = items.at(-1)
  if (last?.kind === 'state') {
    items[items.length - 1] = { ...last, rows: [...last.rows, row], before: [...last.before, before] }
    return
  }
  items.push({ kind: 'state', key: row.event_id, rows: [row], before: [before] })
}

function foldInto(items: TimelineItem[], kind: 'ignored' | 'other', row: RoomEventRow): void {
  if (row.state_key !== undefined) return
  const last = items.at(-1)
  if (last?.kind === kind) items[items.length - 1] = { ...last, rows: [...last.rows, row] }
  else items.push({ kind, key: row.event_id, rows: [row] })
}

/** What a state event replaced: as the server says, or as an earlier loaded event had it. */
function contentBefore(
  row: RoomEventRow,
  known: Map<string, Record<string, unknown>>,
): Record<string, unknown> | undefined {
  if (row.state_key === undefined) return undefined
  const place = `${row.event_type} ${row.state_key}`
  const told = (row.event.unsigned as { prev_content?: Record<string, unknown> } | undefined)?.prev_content
  const before = told ?? known.get(place)
  known.set(place, contentOf(row))
  return before
}

/** A reader is shown at the last message they read, unless they wrote something since: then it is plain. */
function placeReaders(items: TimelineItem[], { receipts, rows, userId }: TimelineInput): void {
  if (receipts.size === 0) return
  const messages = items.filter((item): item is MessageItem => item.kind === 'message' && item.seq !== undefined)
  const [first] = messages
  if (!first) return
  const lastSpoken = new Map(messages.map((item) => [item.sender, item.seq!]))
  const seqOf = new Map(rows.map((row) => [row.event_id, row.seq]))
  for (const [reader, receipt] of receipts) {
    const seq = seqOf.get(receipt.event_id) ?? receipt.seq
    if (reader === userId || seq === undefined || seq < first.seq!) continue
    if ((lastSpoken.get(reader) ?? Number.NEGATIVE_INFINITY) >= seq) continue
    messages.findLast((item) => item.seq! <= seq)?.readers.push(reader)
  }
}
