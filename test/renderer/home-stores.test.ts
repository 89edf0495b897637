/** The stores behind the Home pages, on a connection that the test holds in its hands. */
import { describe, expect, test, vi } from 'vitest'
import type { LiveConnection, LiveState, Watch } from '../../renderer/live/connection.js'
import { byNeed, startFederationTraffic } from '../../renderer/live/federation-traffic.js'
import { bySlowness, startLiveSubscriptions } from '../../renderer/live/live-subscriptions.js'
import { addLines, isShown, keptLines, nameQuery, planWatches, startRiver } from '../../renderer/live/river.js'
import { makeRoomActivity, paceOf } from '../../renderer/live/room-activity.js'
import type { RoomSummaries } from '../../renderer/live/room-summaries.js'
import {
  addPast,
  addSample,
  columnsOf,
  keptSamples,
  type MetricsPast,
  startServerMetrics,
} from '../../renderer/live/server-metrics.js'
import { makeStore } from '../../renderer/live/store.js'
import { screenQuery } from '../../server/live/screen-query.js'
import { destination, line, metrics, subscription, summary } from './support/home-rows.js'

const verbatim =
  "LIVE SELECT * FROM room_events WHERE room_id = $room_id AND (sender != $user_id OR event_type IN ['m.room.member', 'm.room.power_levels'])"

/** A connection that remembers its watches and answers queries with what it is given. */
function makeConnection(answers: (statement: string) => unknown[] = () => []) {
  const state = makeStore<LiveState>({ kind: 'live' })
  const watches: Watch<never>[] = []
  const asked: { statement: string; bindings: Record<string, unknown> }[] = []
  const connection: LiveConnection = {
    state,
    start: () => undefined,
    stop: () => undefined,
    restart: () => undefined,
    tryNow: () => undefined,
    sid: () => 'S',
    watch(watch) {
      watches.push(watch as unknown as Watch<never>)
      return () => void watches.splice(watches.indexOf(watch as unknown as Watch<never>), 1)
    },
    async query(statement, bindings = {}) {
      asked.push({ statement, bindings })
      return answers(statement)
    },
  }
  const push = (row: object, action: 'CREATE' | 'UPDATE' | 'DELETE' = 'UPDATE', at = 0) =>
    watches[at]!.onChange({ action, row: row as never })
  return { connection, state, watches, asked, push }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 150))

const noPast = async (): Promise<MetricsPast> => ({ fields: [], samples: [] })

describe('server metrics', () => {
  test('begin with what the server kept, and ask after a lost connection for what came meanwhile', async () => {
    const { connection, watches, push } = makeConnection()
    const since: number[] = []
    const kept = [
      [1_000, 4],
      [2_000, 7],
    ]
    const store = startServerMetrics(
      connection,
      async (ms) => {
        since.push(ms)
        return { fields: ['ts', 'events_per_second'], samples: kept.filter(([ts]) => ts! > ms) }
      },
      () => undefined,
    )
    watches[0]!.onSnapshot([])
    await settled()
    expect(store.get().samples.map(({ ts, events_per_second }) => [ts, events_per_second])).toEqual(kept)
    expect(store.get().latest?.events_per_second).toBe(7)

    push(metrics({ ts: 3_000 }))
    kept.push([3_000, 0], [5_000, 9])
    watches[0]!.onSnapshot([])
    push(metrics({ ts: 6_000 }))
    await settled()
    expect(since).toEqual([0, 3_000])
    expect(store.get().samples.map(({ ts }) => ts)).toEqual([1_000, 2_000, 3_000, 5_000, 6_000])
    expect(store.get().latest?.ts).toBe(6_000)
  })

  test('that were kept and came live count once, an hour of them at most', () => {
    const live = addSample({ latest: undefined, samples: [] }, metrics({ ts: 10_000_000 }))
    const samples = Array.from({ length: keptSamples + 5 }, (_, index) => [10_000_000 - index * 1_000]).reverse()
    const { samples: all } = addPast(live, { fields: ['ts'], samples })
    expect(all).toHaveLength(keptSamples)
    expect(new Set(all.map(({ ts }) => ts)).size).toBe(keptSamples)
    expect(all.at(-1)?.ts).toBe(10_000_000)
  })

  test('a sample that was there before is not taken for a fresh one, nor is one that comes twice', () => {
    const { connection, watches, push } = makeConnection()
    const samples: number[] = []
    const store = startServerMetrics(connection, noPast, (row) => samples.push(row.ts))

    watches[0]!.onSnapshot([[metrics({ ts: 1 }) as never]])
    push(metrics({ ts: 1_000 }))
    push(metrics({ ts: 1_000 }))
    push(metrics({ ts: 2_000 }))

    expect(samples).toEqual([1_000, 2_000])
    expect(store.get().latest?.ts).toBe(2_000)
  })

  test('two hours of samples stay one hour in memory, without their lists of rooms', () => {
    let state = { latest: undefined, samples: [] } as Parameters<typeof addSample>[0]
    for (let second = 0; second < 7_200; second++) state = addSample(state, metrics({ ts: second * 1_000 }))

    expect(state.samples).toHaveLength(keptSamples)
    expect(state.samples.at(-1)?.ts).toBe(7_199_000)
    expect(state.samples[0]).not.toHaveProperty('rooms')
  })

  test('a hole in time is a null in every line of the chart', () => {
    const samples = [1, 2, 3, 9, 10].map((second) => metrics({ ts: second * 1_000, events_per_second: second }))

    const { times, values } = columnsOf(samples, [(sample) => sample.events_per_second, (sample) => sample.ts])

    expect(times).toEqual([1, 2, 3, 4, 9, 10])
    expect(values[0]).toEqual([1, 2, 3, null, 9, 10])
    expect(values[1]).toEqual([1_000, 2_000, 3_000, null, 9_000, 10_000])
  })

  test('samples before the shown time are left out', () => {
    const samples = [1, 2, 3].map((second) => metrics({ ts: second * 1_000 }))

    expect(columnsOf(samples, [() => 0], 2_000).times).toEqual([2, 3])
  })
})

describe('live subscriptions and other servers', () => {
  test('subscriptions are kept by their record and leave when it is deleted; the slowest come first', async () => {
    const { connection, watches, push } = makeConnection()
    const store = startLiveSubscriptions(connection)
    const quick = subscription({ id: 'a', delay_p95_ms: 2 })
    const slow = subscription({ id: 'b', delay_p95_ms: 90 })

    watches[0]!.onSnapshot([[quick as never, slow as never]])
    expect([...store.get()!.values()].sort(bySlowness).map(({ id }) => id)).toEqual(['b', 'a'])
    push({ ...quick, delivered: 7 })
    push(slow, 'DELETE')
    await settled()

    expect([...store.get()!.values()].map(({ id, delivered }) => [id, delivered])).toEqual([['a', 7]])
  })

  test('servers that need somebody come before those that are well', async () => {
    const { connection, watches, push } = makeConnection()
    const store = startFederationTraffic(connection)

    watches[0]!.onSnapshot([[destination({ destination: 'ok.org', state: 'ok' }) as never]])
    push(destination({ destination: 'down.org', state: 'down', queue_length: 2 }))
    push(destination({ destination: 'slow.org', state: 'slow' }))
    push(destination({ destination: 'worse.org', state: 'down', queue_length: 9 }))
    await settled()

    const order = [...store.get()!.values()].sort(byNeed).map((row) => row.destination)
    expect(order).toEqual(['worse.org', 'down.org', 'slow.org', 'ok.org'])
  })
})

describe('rooms by activity', () => {
  test('the pace is the mean of ten seconds, busiest first, and quiet rooms are gone', () => {
    const window = [[['!a', 10] as const, ['!b', 30] as const], [['!a', 10] as const]]

    expect(paceOf(window)).toEqual([
      { roomId: '!b', perSecond: 3 },
      { roomId: '!a', perSecond: 2 },
    ])
  })

  test('a room falls out ten seconds after its last event', () => {
    const activity = makeRoomActivity()

    activity.add([['!a', 5]])
    for (let second = 0; second < 9; second++) activity.add([])
    expect(activity.store.get()).toHaveLength(1)
    activity.add([])

    expect(activity.store.get()).toHaveLength(0)
  })
})

describe('the river', () => {
  const rooms = (...ids: string[]): RoomSummaries => ({ rooms: new Map(ids.map((id) => [id, summary(id)])) })

  test('few rooms get the plan’s statement each; many share one; a chosen room gets it again', () => {
    expect(planWatches(['!a', '!b']).map(({ live, roomId }) => [live, roomId])).toEqual([
      [verbatim, '!a'],
      [verbatim, '!b'],
    ])
    const many = planWatches(['!a', '!b', '!c', '!d'])
    expect(many).toHaveLength(1)
    expect(many[0]!.live).not.toContain('$room_id')
    expect(planWatches(['!a', '!b', '!c', '!d'], '!c')).toEqual([{ key: '!c', live: verbatim, roomId: '!c' }])
    expect(planWatches([])).toEqual([])
  })

  test('every statement of it is one the server’s screen lets through', () => {
    const me = { user_id: '@me:x', device_id: 'D' }
    const ids = Array.from({ length: 48 }, (_, index) => [`!r${index}`, `@u${index}:x`] as const)
    const names = nameQuery(ids)

    expect(screenQuery(verbatim, { room_id: '!a', user_id: '@me:x' }, me).allowed).toBe(true)
    for (const { live } of planWatches(['!a', '!b', '!c', '!d'])) expect(screenQuery(live, {}, me).allowed).toBe(true)
    expect(screenQuery(names.statement, names.bindings, me).allowed).toBe(true)
  })

  test('own messages stay out, own moderation does not', () => {
    expect(isShown(line({ sender: '@me:x' }), '@me:x')).toBe(false)
    expect(isShown(line({ sender: '@me:x', event_type: 'm.room.power_levels', state_key: '' }), '@me:x')).toBe(true)
    expect(isShown(line({ sender: '@bo:x' }), '@me:x')).toBe(true)
  })

  test('a redaction rewrites its line where it stands', () => {
    const [first, second] = [line({ event_id: '$1' }), line({ event_id: '$2' })]

    const lines = addLines([first, second], [{ ...first, redacted_by: '$3' }])

    expect(lines.map(({ event_id, redacted_by }) => [event_id, redacted_by])).toEqual([
      ['$1', '$3'],
      ['$2', undefined],
    ])
  })

  test('it keeps two thousand lines and no more', () => {
    const many = Array.from({ length: keptLines + 500 }, (_, index) => line({ event_id: `$${index}` }))

    const lines = addLines([], many)

    expect(lines).toHaveLength(keptLines)
    expect(lines.at(-1)?.event_id).toBe(`$${keptLines + 499}`)
  })

  test('two hundred rows of one moment are one change', async () => {
    const { connection, push } = makeConnection()
    const river = startRiver(connection, '@me:x', makeStore(rooms('!a')))
    await settled()
    const changed = vi.fn()
    river.store.subscribe(changed)

    for (let index = 0; index < 200; index++) push(line({ event_id: `$${index}` }), 'CREATE')
    await settled()

    expect(changed).toHaveBeenCalledTimes(1)
    expect(river.store.get()).toHaveLength(200)
    expect(river.takeCounts()).toEqual([['!a', 200]])
    expect(river.takeCounts()).toEqual([])
    river.stop()
  })

  test('it begins with what happened last, in the order of the stream', async () => {
    const { connection } = makeConnection((statement) =>
      statement.includes('room_events')
        ? [[line({ event_id: '$late', position: 9 })], [line({ event_id: '$early', position: 3, room_id: '!b' })]]
        : [[{ room_id: '!a', user_id: '@bo:x', displayname: 'Bo' }]],
    )

    const river = startRiver(connection, '@me:x', makeStore(rooms('!a', '!b')))
    await settled()

    expect(river.store.get().map(({ event_id }) => event_id)).toEqual(['$early', '$late'])
    expect(river.names.get().get('!a @bo:x')).toBe('Bo')
    river.stop()
  })

  test('joining and leaving rooms starts and stops only what changed', () => {
    const { connection, watches } = makeConnection()
    const summaries = makeStore(rooms('!a', '!b'))
    const river = startRiver(connection, '@me:x', summaries)
    const [ofA] = watches

    summaries.set(rooms('!a', '!c'))

    expect(watches.map((watch) => watch.bindings?.().room_id)).toEqual(['!a', '!c'])
    expect(watches[0]).toBe(ofA)
    river.stop()
    expect(watches).toHaveLength(0)
  })

  test('after a lost connection it reads what it missed', async () => {
    let isBack = false
    const { connection, state } = makeConnection((statement) =>
      statement.includes('room_events') && isBack ? [[line({ event_id: '$missed', position: 5 })]] : [[]],
    )
    const river = startRiver(connection, '@me:x', makeStore(rooms('!a')))
    await settled()
    expect(river.store.get()).toHaveLength(0)

    state.set({ kind: 'offline', reason: 'unreachable' })
    isBack = true
    state.set({ kind: 'live' })
    await settled()

    expect(river.store.get().map(({ event_id }) => event_id)).toEqual(['$missed'])
    river.stop()
  })
})
