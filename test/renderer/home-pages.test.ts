/** What the Home pages make of what they read: lines, repairs, tables. */
import { describe, expect, test } from 'vitest'
import type { AdminRoom, Reachability } from '../../renderer/features/home/admin-api.js'
import { sortRows } from '../../renderer/features/home/data-table.js'
import { toRow } from '../../renderer/features/home/federation/federation-page.js'
import { makeChecklist } from '../../renderer/features/home/health/checklist.js'
import { findRepairs, longestStall, thresholds } from '../../renderer/features/home/health/repairs.js'
import { describeEvent, kindOf, searchTextOf } from '../../renderer/features/home/live/describe-event.js'
import { countSince, shownLines } from '../../renderer/features/home/live/river-lines.js'
import { explainDestination } from '../../renderer/features/home/state-dot.js'
import { destination, line, metrics } from './support/home-rows.js'

const nameOf = (userId: string) => (userId === '@bo:x' ? 'Bo' : userId)
const member = (sender: string, target: string, membership: string, before?: string) =>
  line({
    event_type: 'm.room.member',
    sender,
    state_key: target,
    event: { content: { membership }, ...(before ? { unsigned: { prev_content: { membership: before } } } : {}) },
  })

describe('a line of the river', () => {
  test.each([
    [member('@bo:x', '@bo:x', 'join', 'invite'), 'joins'],
    [member('@bo:x', '@bo:x', 'join', 'join'), 'changes their name or picture here'],
    [member('@bo:x', '@bo:x', 'leave', 'join'), 'leaves'],
    [member('@bo:x', '@bo:x', 'leave', 'invite'), 'declines the invite'],
    [member('@ana:x', '@bo:x', 'invite'), 'invites Bo'],
    [member('@ana:x', '@bo:x', 'leave', 'join'), 'removes Bo'],
    [member('@ana:x', '@bo:x', 'leave', 'ban'), 'lifts the ban on Bo'],
    [member('@ana:x', '@bo:x', 'ban', 'join'), 'bans Bo'],
    [member('@bo:x', '@bo:x', 'knock'), 'asks to join'],
  ])('says what a membership event does (%#)', (row, does) => {
    expect(describeEvent(row, nameOf).does).toBe(does)
    expect(kindOf(row)).toBe('member')
  })

  test('shows a glimpse of a message on one line, however it is written', () => {
    const row = line({ event: { content: { msgtype: 'm.text', body: `  a\n\n b\t${'c'.repeat(5_000)}` } } })

    const { does, glimpse } = describeEvent(row, nameOf)

    expect(does).toBe('writes')
    expect(glimpse).toMatch(/^a b c+$/)
    expect(glimpse!.length).toBeLessThanOrEqual(200)
  })

  test('shows nothing of what was deleted', () => {
    const described = describeEvent(line({ redacted_by: '$2', event: { content: {} } }), nameOf)

    expect(described).toEqual({ does: 'wrote something that was deleted' })
  })

  test('survives content of any shape', () => {
    const shapes = [null, 'text', 7, [], { body: { a: 1 } }, { membership: 5 }, { 'm.relates_to': 'x' }]
    for (const event_type of ['m.room.message', 'm.reaction', 'm.room.member', 'm.room.topic', 'org.example'])
      for (const content of shapes) {
        const row = line({ event_type, state_key: '', event: { content } as never })
        expect(describeEvent(row, nameOf).does).not.toBe('')
      }
  })

  test('names an event it has no word for by its type', () => {
    expect(describeEvent(line({ event_type: 'org.example.vote' }), nameOf).code).toBe('org.example.vote')
    expect(kindOf(line({ event_type: 'org.example.vote' }))).toBe('other')
    expect(kindOf(line({ event_type: 'org.example.vote', state_key: '' }))).toBe('state')
  })
})

describe('the filter of the river', () => {
  const lines = [
    line({ event_id: '$1', room_id: '!a' }),
    line({ event_id: '$2', room_id: '!b', event: { content: { msgtype: 'm.text', body: 'Bread' } } }),
    { ...member('@bo:x', '@bo:x', 'join'), event_id: '$3' },
  ]
  const all = { kinds: new Set<never>(), term: '', roomId: undefined }
  const textOf = (row: (typeof lines)[number]) => searchTextOf(row, 'Kitchen', nameOf)
  const idsOf = (filter: Partial<Parameters<typeof shownLines>[1]>) =>
    shownLines(lines, { ...all, ...filter }, textOf).map(({ event_id }) => event_id)

  test('puts the newest first', () => expect(idsOf({})).toEqual(['$3', '$2', '$1']))
  test('finds words whatever their case', () => expect(idsOf({ term: 'bread' })).toEqual(['$2']))
  test('finds people and rooms by name', () => expect(idsOf({ term: 'kitchen' })).toHaveLength(3))
  test('keeps to kinds', () => expect(idsOf({ kinds: new Set(['member'] as const) })).toEqual(['$3']))
  test('keeps to a room', () => expect(idsOf({ roomId: '!b' })).toEqual(['$2']))

  test('counts what came since it was held', () => {
    const newestFirst = shownLines(lines, all, textOf)

    expect(countSince(newestFirst, lines[1])).toBe(1)
    expect(countSince(newestFirst, lines[2])).toBe(0)
    expect(countSince(newestFirst, undefined)).toBe(3)
  })
})

describe('the checklist', () => {
  const samples = [metrics({ ts: 1_000_000, longest_stall_ms: thresholds.stallBadMs })]
  const reach: Reachability = {
    this_machine: { url: 'http://127.0.0.1:8008/' },
    home_network: { state: 'off', addresses: [], connected: [] },
    public: {},
    federation: { is_on: true },
  }
  const checks = (changes: Partial<Parameters<typeof makeChecklist>[0]> = {}) => {
    const facts = { isConnected: true, samples, traffic: [destination()], reach, now: 0, repairs: [], ...changes }
    return makeChecklist(facts).flatMap((group) => group.checks)
  }

  test('has a dozen rows in one order, whatever is wrong', () => {
    const repairs = findRepairs({ isConnected: true, samples, traffic: [], reach: [] })
    const keys = (rows: ReturnType<typeof checks>) => rows.map(({ key }) => key)

    expect(checks()).toHaveLength(13)
    expect(keys(checks({ repairs }))).toEqual(keys(checks()))
  })

  test('shows each repair at the row that it is about, and at no other', () => {
    const repairs = findRepairs({
      ...{ isConnected: true, samples, traffic: [destination({ destination: 'b.org', state: 'down' })] },
      reach: [{ at: 'federation', text: 'nothing listens' }],
    })
    const needy = checks({ repairs }).filter((check) => check.repairs.length > 0)

    expect(needy.map(({ key, tone }) => [key, tone])).toEqual([
      ['stall', 'bad'],
      ['federation', 'warn'],
      ['destinations', 'warn'],
    ])
    expect(needy.flatMap((check) => check.repairs)).toHaveLength(repairs.length)
  })

  test('says neither good nor bad of what nobody asked for', () => {
    const tones = new Map(checks({ traffic: [] }).map(({ key, tone }) => [key, tone]))

    expect(['home', 'outside', 'certificate', 'destinations'].map((key) => tones.get(key))).toEqual(
      Array(4).fill('plain'),
    )
    expect(tones.get('memory')).toBe('good')
  })
})

describe('repairs', () => {
  const steady = (changes: Parameters<typeof metrics>[0] = {}, count = 30) =>
    Array.from({ length: count }, (_, index) => metrics({ ts: 1_000_000 + index * 1_000, ...changes }))
  const kinds = (facts: Partial<Parameters<typeof findRepairs>[0]>) =>
    findRepairs({ isConnected: true, samples: steady(), traffic: [], reach: [], ...facts }).map(({ kind }) => kind)

  test('a healthy server needs nothing', () => {
    expect(kinds({ traffic: [destination(), destination({ destination: 'b.org', state: 'backing_off' })] })).toEqual([])
    expect(kinds({ samples: [] })).toEqual([])
  })

  test('without a connection that is all there is to say', () => {
    expect(kinds({ isConnected: false, samples: steady({ rss_bytes: 9e9 }) })).toEqual(['offline'])
  })

  test('a projector that stays behind is one; a burst is not', () => {
    const behind = { projector_lag: thresholds.lagEvents }
    expect(kinds({ samples: [...steady(), metrics({ ts: 2_000_000, ...behind })] })).toEqual([])
    expect(kinds({ samples: steady(behind, thresholds.lagSamples - 1) })).toEqual([])
    expect(kinds({ samples: steady(behind, thresholds.lagSamples) })).toEqual(['lag'])
  })

  test('what keeps people from reaching it is one, in its own words', () => {
    expect(
      findRepairs({
        isConnected: true,
        samples: steady(),
        traffic: [],
        reach: [{ at: 'federation', text: 'nothing listens' }],
      }),
    ).toMatchObject([{ kind: 'reach', tone: 'warn', at: 'federation', text: 'nothing listens' }])
  })

  test('a slow disk is one when it stays slow', () => {
    expect(kinds({ samples: steady({ db_commit_p50_ms: thresholds.commitMs }) })).toEqual(['slow-disk'])
  })

  test('a stall counts for a minute, and a long one is bad', () => {
    const stalled = metrics({ ts: 1_000_000, longest_stall_ms: thresholds.stallBadMs })
    const soon = [stalled, metrics({ ts: 1_059_000 })]
    const later = [stalled, metrics({ ts: 1_061_000 })]

    expect(findRepairs({ isConnected: true, samples: soon, traffic: [], reach: [] })).toMatchObject([
      { kind: 'stall', tone: 'bad' },
    ])
    expect(longestStall(later)).toBe(metrics().longest_stall_ms)
    expect(kinds({ samples: later })).toEqual([])
  })

  test('servers that are down are told one by one, and together when they are many', () => {
    const down = (count: number) =>
      Array.from({ length: count }, (_, index) => destination({ destination: `s${index}.org`, state: 'down' }))
    const most = thresholds.serversOneByOne

    expect(kinds({ traffic: down(most) })).toEqual(Array(most).fill('destination'))
    expect(kinds({ traffic: down(most + 1) })).toEqual(['destinations'])
  })

  test('what is bad comes before what can wait', () => {
    const samples = steady({ rss_bytes: thresholds.memoryBytes, longest_stall_ms: thresholds.stallBadMs })

    expect(kinds({ samples })).toEqual(['stall', 'memory'])
  })
})

describe('other servers', () => {
  const now = 1_700_000_000_000

  test('one that backs off says why and when it is tried next; one that is well says nothing', () => {
    const row = destination({ state: 'backing_off', last_error: 'connection refused', retry_at: now + 180_000 })

    expect(explainDestination(row, now)).toEqual({ why: 'connection refused', next: 'next try in 3 minutes' })
    expect(explainDestination(destination({ state: 'ok', last_error: 'old' }), now)).toEqual({})
  })

  test('what the list says of a server becomes a row', () => {
    const failing = { destination: 'a.org', failure_ts: 5, retry_last_ts: 1_000, retry_interval: 500 }

    expect(toRow(failing)).toMatchObject({ state: 'backing_off', retry_at: 1_500 })
    expect(toRow({ ...failing, failure_ts: null })).toMatchObject({ state: 'unknown' })
  })
})

test('tables sort numbers as numbers and leave alone what they have no reader for', () => {
  const rows = [{ joined_members: 2 }, { joined_members: 10 }, { joined_members: 1 }] as AdminRoom[]
  const readers = { members: (room: AdminRoom) => room.joined_members }
  const counts = (key: string, isBackwards: boolean) =>
    sortRows(rows, readers, { key, isBackwards }).map((room) => room.joined_members)

  expect(counts('members', false)).toEqual([1, 2, 10])
  expect(counts('members', true)).toEqual([10, 2, 1])
  expect(counts('activity', false)).toEqual([2, 10, 1])
})
