/** The server's own numbers: those of the dashboard and those of Prometheus, checked against what the API was asked to do. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServerMetricsRow } from '../../../server/kernel/live-rows.js'
import { ConnectedClients } from '../../../server/live/connected-clients.js'
import { MetricsHistory } from '../../../server/live/metrics-history.js'
import { fakeClock } from '../../support/fake-clock.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'
import { MemoryChannel } from '../../support/memory-channel.js'

let hs: TestHomeserver
beforeEach(async () => {
  hs = await startHomeserver({ users: ['root', 'alice', 'bob'], admins: ['root'] })
})
afterEach(() => hs.close())

type Samples = Record<string, number>[]
async function history(since = 0): Promise<Samples> {
  const { body } = await hs.as('root').get(`/_hearth/admin/v1/metrics_history?since=${since}`)
  const { fields, samples } = body as { fields: string[]; samples: number[][] }
  return samples.map((sample) => Object.fromEntries(fields.map((field, index) => [field, sample[index]!])))
}
/** The first samples that fit, once they are there. */
async function until(fits: (samples: Samples) => boolean): Promise<Samples> {
  let found: Samples = []
  await expect
    .poll(
      async () => {
        found = await history()
        return fits(found)
      },
      { timeout: 10_000, interval: 200 },
    )
    .toBe(true)
  return found
}
const prometheus = async () => {
  const { body } = await hs.as('root').get('/metrics')
  const figures = new Map<string, number>()
  for (const line of String(body).split('\n')) {
    const [, name, value] = /^(\S+) ([0-9.e+-]+)$/i.exec(line) ?? []
    if (name) figures.set(name, Number(value))
  }
  return figures
}

async function openWindow(name: string): Promise<MemoryChannel> {
  const channel = new MemoryChannel({ kind: 'window' })
  hs.server.openLiveChannel(channel)
  const { body } = await hs.as(name).post('/_hearth/client/v1/live_token', {})
  await channel.call('authenticate', [(body as { token: string }).token])
  return channel
}

describe('the last hour', () => {
  test('is there for an administrator who looks for the first time, and counts what was sent', async () => {
    const alice = hs.as('alice')
    await until((samples) => samples.length > 0)
    const before = (await history()).at(-1)!.ts!
    const roomId = await alice.createRoom({})
    for (let n = 0; n < 20; n++)
      await alice.put(`/rooms/${encodeURIComponent(roomId)}/send/m.room.message/t${n}`, {
        msgtype: 'm.text',
        body: 'x',
      })

    // A sample's rate is over the time since the one before it, which a busy machine makes longer than a second.
    const counted = (samples: Samples) =>
      samples.reduce((sum, sample, index) => {
        const ms = index === 0 ? 1_000 : sample.ts! - samples[index - 1]!.ts!
        return sample.ts! > before ? sum + (sample.events_per_second! * ms) / 1_000 : sum
      }, 0)
    const { body } = await alice.get(`/rooms/${encodeURIComponent(roomId)}/messages?dir=f&limit=100`)
    const events = (body as { chunk: unknown[] }).chunk.length
    expect(events).toBeGreaterThan(25)
    const samples = await until((found) => counted(found) > events - 1)
    expect(counted(samples)).toBeLessThan(events + 1)
    expect(await history(samples.at(-1)!.ts!)).toHaveLength((await history()).length - samples.length)
  })

  test('is for administrators', async () => {
    expect((await hs.as('alice').get('/_hearth/admin/v1/metrics_history')).status).toBe(403)
  })

  test('forgets what is older', () => {
    const kept = new MetricsHistory()
    for (let n = 1; n <= 4_000; n++) kept.add({ ts: n, events_per_second: n * 2 } as ServerMetricsRow)

    const samples = kept.since(0)
    expect(samples).toHaveLength(3_600)
    expect(samples[0]!.slice(0, 2)).toEqual([401, 802])
    expect(samples.at(-1)!.slice(0, 2)).toEqual([4_000, 8_000])
    expect(kept.since(3_990)).toHaveLength(10)
  })
})

describe('connected clients', () => {
  test('are windows and those who wait in /sync, each once', async () => {
    const [first, second] = [await openWindow('alice'), await openWindow('alice')]
    hs.server.openLiveChannel(new MemoryChannel()) // shows no token
    const { next_batch } = (await hs.as('bob').get('/sync')).body as { next_batch: string }
    const waiting = hs.as('bob').get(`/sync?timeout=4000&since=${next_batch}`)

    await until((samples) => samples.at(-1)?.connected_clients === 3)
    const figures = await prometheus()
    expect(figures.get('hearth_connected_clients')).toBe(3)
    expect(figures.get('hearth_sync_waiting')).toBe(1)
    expect(figures.get('hearth_live_channels{state="known"}')).toBe(2)
    expect(figures.get('hearth_live_channels{state="waiting"}')).toBe(1)

    first.hangUp()
    second.hangUp()
    await until((samples) => samples.at(-1)?.connected_clients === 1)
    await waiting
  })

  test('go a moment after their last request, and count once beside their own window', async () => {
    const clock = fakeClock()
    const windows: string[] = []
    const clients = new ConnectedClients(clock, () => windows)
    await clients.during('@a:x A', async () => undefined)
    expect(clients.count).toBe(1)
    windows.push('@a:x A')
    expect(clients.count).toBe(1)
    windows.pop()
    clock.advance(10_001)
    expect(clients.count).toBe(0)
  })
})

describe('Prometheus', () => {
  test('is told of the commit queue, the lanes, live queries and stalls', async () => {
    const before = await prometheus()
    const roomId = await hs.as('alice').createRoom({})
    const channel = await openWindow('alice')
    await channel.query('LIVE SELECT * FROM room_events WHERE room_id = $room', { room: roomId })

    const after = await prometheus()
    const gained = (name: string) => after.get(name)! - before.get(name)!
    expect(gained('hearth_commit_units_total')).toBeGreaterThan(1)
    expect(gained('hearth_commit_rows_total')).toBeGreaterThan(gained('hearth_commit_units_total'))
    expect(after.get('hearth_commit_failed')).toBe(0)
    expect(after.get('hearth_commit_p99_seconds')).toBeGreaterThan(0)
    expect(after.get('hearth_live_queries{table="room_events"}')).toBe(1)
    expect([...after.keys()].filter((name) => name.startsWith('hearth_lane_lag_seconds{'))).not.toEqual([])
    await expect
      .poll(async () => (await prometheus()).get('hearth_event_loop_stall_seconds_count'), { timeout: 5_000 })
      .toBeGreaterThan(0)
  })

  test('has the names that the documentation lists', async () => {
    const { body } = await hs.as('root').get('/metrics')
    const told = [...String(body).matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name)
    const docs = readFileSync(resolve(import.meta.dirname, '../../../docs/metrics.md'), 'utf8')
    const listed = [...docs.matchAll(/^\| (`[^|]*)\|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)])

    expect(told.toSorted()).toEqual(listed.map(([, name]) => name).toSorted())
  })
})
