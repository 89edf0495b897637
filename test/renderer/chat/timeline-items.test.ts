/** What a timeline shows, made from rows, echoes and receipts. */
import { describe, expect, test } from 'vitest'
import {
  buildTimelineItems,
  type MessageItem,
  pendingEchoes,
  type TimelineInput,
  type TimelineItem,
} from '../../../renderer/features/chat/timeline/timeline-items.js'
import type { OutboxItem } from '../../../renderer/platform/matrix/outbox.js'
import { ana, bo, cy, eventRow, memberEventRow, messageRow, noon, roomId } from '../support/rows.js'

const minute = 60_000
const build = (input: Partial<TimelineInput>) =>
  buildTimelineItems({
    rows: [],
    echoes: [],
    userId: ana,
    isAtStart: true,
    holes: [],
    newAfterSeq: undefined,
    ignored: new Set(),
    receipts: new Map(),
    keyOf: (eventId) => eventId,
    ...input,
  })
const messages = (items: TimelineItem[]) => items.filter((item): item is MessageItem => item.kind === 'message')
/** Without what stands above the oldest message. */
const kinds = (items: TimelineItem[]) =>
  items.map(({ kind }) => kind).filter((kind) => kind !== 'older' && kind !== 'start')
const echo = (parts: Partial<OutboxItem> = {}): OutboxItem => ({
  txnId: 't1',
  roomId,
  type: 'm.room.message',
  content: { msgtype: 'm.text', body: 'on its way' },
  createdAt: noon + 90_000,
  status: 'sending',
  ...parts,
})

describe('grouping', () => {
  test('messages of one sender within five minutes stand under one header', () => {
    const rows = [
      messageRow({ seq: 1, sender: ana, ts: noon }),
      messageRow({ seq: 2, sender: ana, ts: noon + 4 * minute }),
      messageRow({ seq: 3, sender: ana, ts: noon + 9.5 * minute }),
      messageRow({ seq: 4, sender: bo, ts: noon + 10 * minute }),
    ]

    expect(messages(build({ rows })).map((item) => item.isGroupStart)).toEqual([true, false, true, true])
  })

  test('a state change between them ends the group', () => {
    const rows = [
      messageRow({ seq: 1 }),
      eventRow({ seq: 2, type: 'm.room.topic', stateKey: '', content: { topic: 'x' } }),
      messageRow({ seq: 3 }),
    ]

    expect(messages(build({ rows })).map((item) => item.isGroupStart)).toEqual([true, true])
  })

  test('a new day has its line and begins a new group', () => {
    const rows = [
      messageRow({ seq: 1, ts: new Date(2026, 10, 22, 23, 59).getTime() }),
      messageRow({ seq: 2, ts: new Date(2026, 10, 23, 0, 1).getTime() }),
    ]

    expect(kinds(build({ rows }))).toEqual(['day', 'message', 'day', 'message'])
    expect(messages(build({ rows })).every((item) => item.isGroupStart)).toBe(true)
    // With more above, the first day's line would move up when that is loaded.
    expect(kinds(build({ rows, isAtStart: false }))).toEqual(['message', 'day', 'message'])
  })

  test('state changes in a row fold into one', () => {
    const rows = [1, 2, 3].map((seq) => memberEventRow({ seq, sender: [ana, bo, cy][seq - 1]!, membership: 'join' }))

    const items = build({ rows })

    expect(kinds(items)).toEqual(['day', 'state'])
    expect(items[2]).toMatchObject({ rows })
  })

  test('messages of ignored users fold into one, their state changes vanish', () => {
    const rows = [
      messageRow({ seq: 1, sender: bo }),
      messageRow({ seq: 2, sender: bo }),
      memberEventRow({ seq: 3, sender: bo, membership: 'leave' }),
      messageRow({ seq: 4, sender: cy }),
    ]

    expect(kinds(build({ rows, ignored: new Set([bo]) }))).toEqual(['day', 'ignored', 'message'])
  })
})

describe('the line above new messages', () => {
  const rows = [
    messageRow({ seq: 1, sender: bo }),
    messageRow({ seq: 2, sender: ana }),
    messageRow({ seq: 3, sender: bo }),
  ]

  test('stands before the first unread message of someone else', () => {
    expect(kinds(build({ rows, newAfterSeq: 1 }))).toEqual(['day', 'message', 'message', 'new', 'message'])
  })

  test('is absent when nothing is unread', () => {
    expect(build({ rows, newAfterSeq: 3 }).some(({ kind }) => kind === 'new')).toBe(false)
    expect(build({ rows }).some(({ kind }) => kind === 'new')).toBe(false)
  })
})

describe('relations', () => {
  const edit = (seq: number, sender: string, body: string) =>
    messageRow({
      seq,
      sender,
      body: `* ${body}`,
      content: {
        'm.new_content': { msgtype: 'm.text', body },
        'm.relates_to': { rel_type: 'm.replace', event_id: '$event1' },
      },
    })

  test('the newest edit by the sender is shown, with the versions before it', () => {
    const [item] = messages(
      build({ rows: [messageRow({ seq: 1, body: 'one' }), edit(2, ana, 'two'), edit(3, ana, 'three')] }),
    )

    expect(item?.content.body).toBe('three')
    expect(item?.versions.map(({ content }) => content.body)).toEqual(['one', 'two'])
  })

  test('an edit by somebody else counts for nothing and is not shown', () => {
    const items = messages(build({ rows: [messageRow({ seq: 1, body: 'one' }), edit(2, bo, 'evil')] }))

    expect(items).toHaveLength(1)
    expect(items[0]?.content.body).toBe('one')
  })

  test('an edit that was deleted is undone', () => {
    const [item] = messages(
      build({ rows: [messageRow({ seq: 1, body: 'one' }), { ...edit(2, ana, 'two'), redacted_by: '$r' }] }),
    )

    expect(item?.content.body).toBe('one')
  })

  test('reactions are counted by key, one per user, the own one known', () => {
    const react = (seq: number, sender: string, key: string) =>
      eventRow({
        seq,
        sender,
        type: 'm.reaction',
        content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: '$event1', key } },
      })
    const [item] = messages(
      build({
        rows: [messageRow({ seq: 1 }), react(2, ana, '👍'), react(3, bo, '👍'), react(4, bo, '👍'), react(5, cy, '🎉')],
      }),
    )

    expect(item?.reactions).toEqual([
      { key: '👍', users: [ana, bo], mine: '$event2' },
      { key: '🎉', users: [cy] },
    ])
  })

  test('a deleted message says by whom and why', () => {
    const [item] = messages(
      build({
        rows: [
          messageRow({ seq: 1, redacted_by: '$event2' }),
          eventRow({ seq: 2, sender: bo, type: 'm.room.redaction', content: { reason: 'spam' } }),
        ],
      }),
    )

    expect(item?.redaction).toMatchObject({ by: bo, reason: 'spam' })
    expect(item?.content).toEqual({})
  })

  test('a reply names what it answers', () => {
    const [, reply] = messages(
      build({
        rows: [
          messageRow({ seq: 1 }),
          messageRow({ seq: 2, content: { 'm.relates_to': { 'm.in_reply_to': { event_id: '$event1' } } } }),
        ],
      }),
    )

    expect(reply?.replyTo).toBe('$event1')
  })
})

describe('echoes', () => {
  test('what is being sent stands at the end, in the group of what came before', () => {
    const items = messages(build({ rows: [messageRow({ seq: 1 })], echoes: [echo()] }))

    expect(items.map((item) => item.content.body)).toEqual(['hello', 'on its way'])
    expect(items[1]).toMatchObject({ isGroupStart: false, key: 't1' })
  })

  test('a row that overtakes the answer to its sending is not shown beside its echo', () => {
    const row = messageRow({ seq: 1, txn_hash: 'hash', body: 'on its way' })

    const items = messages(build({ rows: [row], echoes: [echo({ txnHash: 'hash' })] }))

    expect(items).toHaveLength(1)
    expect(items[0]?.echo?.txnId).toBe('t1')
  })

  test('an echo ends when its row is there, and the row keeps its key', () => {
    const row = messageRow({ seq: 1, event_id: '$sent' })
    const sent = echo({ status: 'sent', eventId: '$sent' })

    expect(pendingEchoes([sent], [], roomId)).toEqual([sent])
    expect(pendingEchoes([sent], [row], roomId)).toEqual([])
    const [item] = messages(build({ rows: [row], keyOf: (eventId) => (eventId === '$sent' ? 't1' : eventId) }))
    expect(item?.key).toBe('t1')
  })

  test('echoes of other rooms are not shown', () => {
    expect(pendingEchoes([echo({ roomId: '!other' })], [], roomId)).toEqual([])
  })

  test('an edit on its way is shown in its message, not as one more', () => {
    const pending = echo({
      content: {
        'm.new_content': { msgtype: 'm.text', body: 'better' },
        'm.relates_to': { rel_type: 'm.replace', event_id: '$event1' },
      },
    })

    const items = messages(build({ rows: [messageRow({ seq: 1, body: 'good' })], echoes: [pending] }))

    expect(items.map((item) => item.content.body)).toEqual(['better'])
  })
})

describe('readers', () => {
  const receipt = (user_id: string, seq: number) =>
    [user_id, { room_id: roomId, user_id, receipt_type: 'm.read', event_id: `$event${seq}`, ts: 1 }] as const

  test('each reader is shown once, at the last message they have read', () => {
    const rows = [1, 2, 3].map((seq) => messageRow({ seq }))

    const items = messages(build({ rows, receipts: new Map([receipt(bo, 2), receipt(cy, 3)]) }))

    expect(items.map((item) => item.readers)).toEqual([[], [bo], [cy]])
  })

  test('who wrote since has plainly read, and the user needs no mark of their own', () => {
    const rows = [messageRow({ seq: 1 }), messageRow({ seq: 2, sender: bo })]

    const items = messages(build({ rows, receipts: new Map([receipt(bo, 1), receipt(ana, 2)]) }))

    expect(items.flatMap((item) => item.readers)).toEqual([])
  })

  test('a receipt on a state change counts for the message before it', () => {
    const rows = [messageRow({ seq: 1 }), memberEventRow({ seq: 2, sender: cy, membership: 'join' })]

    expect(messages(build({ rows, receipts: new Map([receipt(bo, 2)]) }))[0]?.readers).toEqual([bo])
  })
})

test('ten thousand rows are built in well under a second', () => {
  const rows = Array.from({ length: 10_000 }, (_, index) =>
    messageRow({ seq: index + 1, sender: index % 3 ? ana : bo }),
  )
  const start = performance.now()

  build({ rows })

  expect(performance.now() - start).toBeLessThan(500)
})

test('above the oldest message stands the beginning, or that there is more', () => {
  expect(build({ rows: [messageRow({ seq: 1 })], isAtStart: false })[0]).toMatchObject({ kind: 'older' })
  expect(build({ rows: [messageRow({ seq: 1 })], isAtStart: true })[0]).toMatchObject({ kind: 'start' })
})
