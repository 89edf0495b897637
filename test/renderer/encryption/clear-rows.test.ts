/** Timelines with encrypted rows, as they are shown, and the room list with what only this device can know. */
import { describe, expect, test } from 'vitest'
import { type ClearEvents, makeClearEvents } from '../../../renderer/encryption/clear-events.js'
import { secretOf, withClearRows } from '../../../renderer/encryption/clear-rows.js'
import { withClearSummaries } from '../../../renderer/encryption/clear-summaries.js'
import type { Opened } from '../../../renderer/encryption/types.js'
import type { RoomSummaries } from '../../../renderer/live/room-summaries.js'
import { makeStore } from '../../../renderer/live/store.js'
import type { TimelineState } from '../../../renderer/live/timeline-state.js'
import type { RoomEventRow } from '../../../server/api/live/rows.js'
import { ana, bo, eventRow, memberEventRow, messageRow, roomId, summaryRow } from '../support/rows.js'

const sealedRow = (seq: number, parts: Partial<RoomEventRow> = {}) =>
  eventRow({ seq, sender: bo, type: 'm.room.encrypted', content: { session_id: 's1', ciphertext: 'x' }, ...parts })
const clearText = (body: string, more: object = {}): Opened => ({
  kind: 'clear',
  type: 'm.room.message',
  content: { msgtype: 'm.text', body, ...more },
})
const missing: Opened = { kind: 'locked', cause: 'missing', sessionId: 's1' }

/** @param answers by event ID; what is not there has no key yet */
function makeEvents(answers: Record<string, Opened>) {
  const asked: string[][] = []
  const events = makeClearEvents(async ({ events: batch }) => {
    asked.push(batch.map(({ event_id }) => event_id))
    return batch.map(({ event_id }) => answers[event_id] ?? missing)
  })
  return { events, asked }
}

function openTimeline(rows: RoomEventRow[], events: ClearEvents) {
  const state = (of: RoomEventRow[]): TimelineState => ({
    timeline: { rows: of, low: 1, high: of.length },
    isAtStart: true,
    hasNewer: false,
    isLoadingOlder: false,
    isAskingServers: false,
    passed: new Set(),
  })
  const raw = makeStore(state(rows))
  const store = withClearRows(raw, events, roomId, ana)
  let told = 0
  store.subscribe(() => told++)
  return { raw, store, told: () => told, bodies: () => store.get().timeline.rows.map(bodyOf), state }
}
const bodyOf = (row: RoomEventRow) => (row.event.content as { body?: string }).body ?? secretOf(row)?.kind

describe('a timeline', () => {
  test('without encrypted rows is its own state, untouched', () => {
    const { events, asked } = makeEvents({})
    const { raw, store } = openTimeline([messageRow({ seq: 1 }), messageRow({ seq: 2 })], events)

    expect(store.get()).toBe(raw.get())
    expect(asked).toEqual([])
  })

  test('shows what was in encrypted rows, newest first asked, each once', async () => {
    const { events, asked } = makeEvents({ $event1: clearText('one'), $event3: clearText('three') })
    const { bodies, store } = openTimeline([sealedRow(1), messageRow({ seq: 2, body: 'two' }), sealedRow(3)], events)

    expect(bodies()).toEqual(['trying', 'two', 'trying'])
    await expect.poll(bodies).toEqual(['one', 'two', 'three'])
    expect(asked).toEqual([['$event3', '$event1']])
    expect(store.get()).toBe(store.get())
  })

  test('tries again what could not be read when the key of its session comes', async () => {
    const answers: Record<string, Opened> = {}
    const { events, asked } = makeEvents(answers)
    const { bodies } = openTimeline([sealedRow(1)], events)
    await expect.poll(bodies).toEqual(['locked'])
    answers.$event1 = clearText('at last')

    events.retry(['another'])
    await Promise.resolve()
    expect(asked).toHaveLength(1)
    events.retry(['s1'])

    await expect.poll(bodies).toEqual(['at last'])
  })

  test('says of what came before one’s own joining that one was not there', async () => {
    const { events } = makeEvents({})
    const rows = [
      sealedRow(1),
      memberEventRow({ seq: 2, sender: ana, membership: 'join', before: 'invite' }),
      sealedRow(3),
    ]
    const { store } = openTimeline(rows, events)

    const causes = () =>
      store.get().timeline.rows.map((row) => (secretOf(row) as { cause?: string } | undefined)?.cause)
    await expect.poll(causes).toEqual(['notMember', undefined, 'missing'])
  })

  test('leaves a deleted message alone', async () => {
    const { events, asked } = makeEvents({})
    const { store } = openTimeline([sealedRow(1, { redacted_by: '$r' })], events)

    expect(secretOf(store.get().timeline.rows[0]!)).toBeUndefined()
    expect(asked).toEqual([])
  })
})

describe('the room list', () => {
  const line = (parts = {}) =>
    summaryRow({
      encrypted: true,
      max_seq: 3,
      read_seq: 1,
      notification_count: 2,
      last_event: { event_id: '$event3', sender: bo, type: 'm.room.encrypted', origin_server_ts: 1, preview: '' },
      ...parts,
    })
  const open = (answers: Record<string, Opened>, rows: RoomEventRow[], first = line()) => {
    const raw = makeStore<RoomSummaries>({ rooms: undefined })
    const { events } = makeEvents(answers)
    const store = withClearSummaries({
      raw,
      clear: events,
      userId: ana,
      readRange: async (_roomId, from, to) => rows.filter(({ seq }) => seq >= from && seq <= to),
      loadPreviewOf: async () => (_type, content) => String(content.body),
    })
    raw.set({ rooms: new Map([[roomId, first]]) })
    return { raw, events, shown: () => store.get().rooms?.get(roomId) }
  }

  test('says the last line in clear, and counts who was mentioned since one read', async () => {
    const mention = { 'm.mentions': { user_ids: [ana] } }
    const answers = {
      $event1: clearText('read already', mention),
      $event2: clearText('ana!', mention),
      $event3: clearText('come'),
    }
    const { shown } = open(answers, [sealedRow(1), sealedRow(2), sealedRow(3)])

    await expect.poll(() => shown()?.last_event?.preview).toBe('come')
    expect(shown()?.highlight_count).toBe(1)
  })

  test('holds a new line back for a moment, so that what is told of it is what was said', async () => {
    const answers: Record<string, Opened> = { $event3: clearText('before') }
    const { raw, shown } = open(answers, [sealedRow(3), sealedRow(4)])
    await expect.poll(() => shown()?.last_event?.preview).toBe('before')
    answers.$event4 = clearText('after')

    raw.set({
      rooms: new Map([
        [roomId, line({ max_seq: 4, position: 2, last_event: { ...line().last_event, event_id: '$event4' } })],
      ]),
    })

    expect(shown()?.last_event?.event_id).toBe('$event3')
    await expect.poll(() => shown()?.last_event?.preview).toBe('after')
  })

  test('a line whose key never comes is shown as it is', async () => {
    const { shown } = open({}, [sealedRow(3)])

    await expect.poll(() => shown()?.last_event?.type, { timeout: 4_000 }).toBe('m.room.encrypted')
  })
})
