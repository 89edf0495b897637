/** Work that is asked for often and done seldom; rows of typing, presence and federation. */
import { describe, expect, test } from 'vitest'
import type { PresenceRow } from '../../../server/kernel/live-rows.js'
import { CommitTimes, Delays } from '../../../server/live/delays.js'
import { makeEphemeralRows } from '../../../server/live/ephemeral-rows.js'
import { makeFederationTraffic } from '../../../server/live/federation-traffic.js'
import { LiveRegistry } from '../../../server/live/live-registry.js'
import { coalesce } from '../../../server/live/projector/coalesce.js'
import type { Write } from '../../../server/store/writes.js'
import { silentLogger } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'

const turns = async (count = 10) => {
  for (let n = 0; n < count; n++) await Promise.resolve()
}

describe('coalesced work', () => {
  test('runs at once after a pause, then at most ten times a second however often it is asked for', async () => {
    const clock = fakeClock()
    let runs = 0
    const work = coalesce(
      clock,
      () => 100,
      async () => {
        runs++
      },
    )

    work.ask()
    await turns()
    expect(runs).toBe(1)
    for (let ms = 0; ms < 1_000; ms += 10) {
      work.ask()
      await turns()
      clock.advance(10)
      await turns()
    }
    expect(runs).toBeGreaterThanOrEqual(10)
    expect(runs).toBeLessThanOrEqual(11)
  })

  test('backs off when it is expensive: a fifth of the time at most', async () => {
    const clock = fakeClock()
    let runs = 0
    const work = coalesce(
      clock,
      () => 100,
      async () => {
        runs++
        await Promise.resolve() // not within the clock's own turn
        clock.advance(200)
      },
    )

    for (let ms = 0; ms < 5_000; ms += 50) {
      work.ask()
      await turns()
      clock.advance(50)
      await turns()
    }

    expect(runs).toBeLessThanOrEqual(7)
  })

  test('what was asked for last is not lost when it settles or while it runs', async () => {
    const clock = fakeClock()
    let asked = 0
    let seen = 0
    const work = coalesce(
      clock,
      () => 100,
      async () => {
        await turns(3)
        seen = asked
      },
    )
    for (asked = 1; asked < 5; asked++) work.ask()
    await work.settle()

    expect(seen).toBe(asked)
  })
})

describe('typing and presence', () => {
  const rows = () => {
    const clock = fakeClock()
    const written: Write[][] = []
    const live = { writeLive: async (writes: readonly Write[]) => void written.push([...writes]) }
    return {
      clock,
      written,
      ephemeral: makeEphemeralRows({ live, clock, logger: silentLogger, beforePresence: async () => {} }),
    }
  }
  const online: PresenceRow = {
    ...{ user_id: user('bob'), presence: 'online', last_active_ago: 0, last_active_ts: 1, currently_active: true },
  }

  test('a presence that says the same is written once a minute, one that changed at once', async () => {
    const { clock, written, ephemeral } = rows()
    for (let s = 0; s < 125; s += 5) {
      ephemeral.writePresence({ ...online, last_active_ts: s })
      await ephemeral.settled()
      clock.advance(5_000)
    }
    expect(written).toHaveLength(3)

    ephemeral.writePresence({ ...online, presence: 'unavailable' })
    await ephemeral.settled()
    expect(written).toHaveLength(4)
  })

  test('of many states of one row the last is written, and only what was there is deleted', async () => {
    const { written, ephemeral } = rows()
    const room = '!r:x' as Parameters<typeof ephemeral.deleteTyping>[0]
    ephemeral.deleteTyping(room, user('bob'))
    await ephemeral.settled()
    expect(written).toEqual([])

    for (const expires_at of [1, 2, 3]) ephemeral.writeTyping({ room_id: room, user_id: user('bob'), expires_at })
    await ephemeral.settled()
    ephemeral.deleteTyping(room, user('bob'))
    await ephemeral.settled()

    expect(written).toMatchObject([
      [{ op: 'upsert', table: 'typing_events', row: { expires_at: 3 } }],
      [{ op: 'delete', table: 'typing_events', id: [room, user('bob')] }],
    ])
  })
})

describe('federation traffic', () => {
  test('is written once a second, what changed, while somebody watches', async () => {
    const clock = fakeClock()
    const registry = new LiveRegistry()
    const written: Write[] = []
    const live = { writeLive: async (writes: readonly Write[]) => void written.push(...writes) }
    const traffic = makeFederationTraffic({ live, registry, clock, logger: silentLogger })
    traffic.count('a.example', { out_pdus: 2, in_edus: 1 })
    traffic.set('b.example', { state: 'down', last_error: 'refused' })
    clock.advance(5_000)
    await turns()
    expect(written).toEqual([])

    const watcher = { channel: 'c', session: 's', userId: user('root'), sid: 'x', sql: '', since: 0, weight: 1 }
    registry.add({ ...watcher, id: 'q', table: 'federation_traffic' })
    await turns()
    expect(written.splice(0)).toMatchObject([
      { row: { id: 'a.example', out_pdus: 2, in_edus: 1, state: 'unknown' } },
      { row: { id: 'b.example', state: 'down', last_error: 'refused' } },
    ])
    traffic.count('a.example', { out_pdus: 1 })
    traffic.count('a.example', { out_pdus: 1 })
    clock.advance(1_000)
    await turns()
    expect(written.splice(0)).toMatchObject([{ row: { id: 'a.example', out_pdus: 4 } }])
    expect(traffic.totals).toEqual({ incoming: 1, outgoing: 4 })

    registry.delete('q')
    traffic.count('a.example', { out_pdus: 1 })
    clock.advance(5_000)
    await turns()
    expect(written).toEqual([])
  })
})

describe('delays', () => {
  test('quantiles are of the last hundred or so, 0 before the first', () => {
    const delays = new Delays()
    expect(delays.quantile(0.5)).toBe(0)
    for (let ms = 1; ms <= 1_000; ms++) delays.add(ms)
    expect(delays.quantile(0.5)).toBe(937)
    expect(delays.quantile(0.95)).toBe(994)
  })

  test('the time of a commit is known until four thousand others came', () => {
    const times = new CommitTimes()
    times.note(1, 10)
    expect(times.at(1)).toBe(10)
    expect(times.at(2)).toBeUndefined()
    times.note(4_097, 20)
    expect(times.at(1)).toBeUndefined()
    expect(times.at(4_097)).toBe(20)
  })
})
