/** The bridge at its edges: time, frames, slow readers, greed. Channels in memory, the engine real. */
import { RecordId, Uuid } from 'surrealdb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../../server/kernel/clock.js'
import { makeLiveBridge } from '../../../server/live/bridge.js'
import { liveLimits } from '../../../server/live/close-codes.js'
import { CommitTimes } from '../../../server/live/delays.js'
import { LiveViewers } from '../../../server/live/viewers.js'
import { upsertRow } from '../../../server/store/writes.js'
import { silentLogger } from '../../support/database.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'
import { user } from '../../support/rooms.js'
import { planStatements } from './plan-statements.js'

const alice = user('alice')
let hs: LiveServer
beforeEach(async () => {
  hs = await startLiveServer()
})
afterEach(() => hs[Symbol.asyncDispose]())

function open(): MemoryChannel {
  const channel = new MemoryChannel()
  hs.bridge.openLiveChannel(channel)
  return channel
}
async function openAs(name: string): Promise<MemoryChannel> {
  const channel = open()
  await channel.call('authenticate', [await hs.token(name)])
  return channel
}
const events = (count: number, body = 'x', room = '!big:x', from = 1) =>
  Array.from({ length: count }, (_, i) =>
    upsertRow('room_events', {
      id: [room, from + i],
      room_id: room,
      seq: from + i,
      visibility: 'shared',
      event: { body },
    }),
  )
const memberRow = (room: string, userId: string) =>
  upsertRow('room_access', {
    ...{ id: [room, userId], room_id: room, user_id: userId, membership: 'join' },
    ...{ joined_from: 1, joined_to: 1e15, shared_to: 1e15, invited_from: 1 },
  })

describe('time', () => {
  /** The bridge on a clock that a test turns. */
  function bridgeOn(clock: Clock) {
    const { db, sessions, registry } = hs
    const needs = { engine: db.engine, root: db.root, live: db.live, sessions, registry, logger: silentLogger, clock }
    return makeLiveBridge({ ...needs, viewers: new LiveViewers(), commitTimes: new CommitTimes() })
  }
  const timers: { at: number; run: () => void }[] = []
  const clock = { now: () => 0, elapsed: () => 0, every: () => ({ cancel() {} }) }
  const fake: Clock = {
    ...clock,
    after(ms, run) {
      const timer = { at: ms, run }
      timers.push(timer)
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) }
    },
  }
  beforeEach(() => timers.splice(0))

  test('a channel without a token is closed after ten seconds', () => {
    const channel = new MemoryChannel()
    bridgeOn(fake).openLiveChannel(channel)

    expect(timers.map(({ at }) => at)).toEqual([10_000])
    timers[0]?.run()

    expect(channel.closedWith).toMatchObject({ code: 4401 })
  })

  test('one with a token is not, and gets the ten seconds again when it gives it up', async () => {
    const channel = new MemoryChannel()
    bridgeOn(fake).openLiveChannel(channel)
    await channel.call('authenticate', [await hs.token('alice')])
    expect(timers).toEqual([])

    await channel.call('invalidate')
    timers[0]?.run()

    expect(channel.closedWith).toMatchObject({ code: 4401 })
  })
})

describe('one channel, one login session', () => {
  test('a token of the same session is taken, one of another session of the same user or of another user is refused', async () => {
    const channel = await openAs('alice')
    await hs.db.commit(() => ({
      writes: [upsertRow('login_session', { id: 'second', user_id: user('alice'), device_id: 'other', active: true })],
      changes: [],
      result: undefined,
    }))
    await channel.call('authenticate', [await hs.token('alice')])

    for (const token of [await hs.token('alice', 'second'), await hs.token('bob')]) {
      const second = await openAs('alice')
      await second.call('invalidate')
      await expect(second.call('authenticate', [token])).rejects.toThrow()
      await expect(second.query('SELECT * FROM room_summaries LIMIT 1')).rejects.toThrow()
    }
  })
})

describe('frames', () => {
  test.each([
    ['no CBOR', Uint8Array.of(0xff, 0xff)],
    ['no map', Uint8Array.of(0x01)],
    ['a cut-off map', Uint8Array.of(0xa2, 0x62, 0x69)],
    ['a huge length', Uint8Array.of(0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ['deep nesting', new Uint8Array(100_000).fill(0x81)],
    ['too many bytes', new Uint8Array(200_000)],
  ])('%s closes the channel with 1003', async (_, bytes) => {
    const channel = open()
    channel.sendRaw(bytes)

    expect(channel.closedWith).toMatchObject({ code: 1003 })
    expect(await (await openAs('alice')).call('ping')).toBeNull()
  })

  test('a method that is not ours is refused by name', async () => {
    const channel = await openAs('alice')
    for (const method of [
      'signin',
      'signup',
      'begin',
      'commit',
      'cancel',
      'live',
      'kill',
      'select',
      'create',
      'run',
      'graphql',
      'relate',
      'export',
      'import',
      'refresh',
      'revoke',
      '__proto__',
    ])
      await expect(channel.call(method, [])).rejects.toThrow(`The method ${method} is not allowed`)
  })

  test('the engine answers its own errors to the client', async () => {
    const room = await hs.rooms.createRoom({ creator: alice })
    await hs.settled()
    const channel = await openAs('alice')
    const sql = "SELECT * FROM room_members:[$room, NONE]..[$room, ..] WHERE time::unix('no time') = 1"
    const replies = await channel.call<{ status: string; result: string }[]>('query', [sql, { room }])

    expect(replies[0]).toMatchObject({ status: 'ERR' })
  })

  test('everything the screen lets through is a query to the engine too', async () => {
    const channel = await openAs('alice')
    const id = new RecordId('room_events', ['!r', 1])
    for (const [sql, bindings] of [
      ...planStatements,
      ['SELECT * FROM room_events:[$room, $from]..=[$room, $to] ORDER BY id DESC', { room: '!r', from: 1, to: 20 }],
      ['SELECT * FROM room_members:[$room, $user_id]>..[$room, ..] LIMIT 3 START 1', { room: '!r' }],
      ['SELECT seq, event.content.body AS body FROM $ids', { ids: [id, id] }],
      ['SELECT VALUE seq FROM $id', { id }],
      ['SELECT * FROM ONLY room_events:[$room, 1] LIMIT 1', { room: '!r' }],
      ['SELECT count() AS n, math::max(seq) AS top FROM room_events:[$r, 1]..[$r, 9] GROUP ALL', { r: '!r' }],
      ['SELECT room_id, count() FROM receipts GROUP BY room_id', {}],
      ["SELECT `table`, `query` FROM live_subscriptions WHERE `table` = 'x' OR `table` IS NOT NONE", {}],
      ['SELECT * FROM user_presence:⟨@bob:example.org⟩', {}],
      ["SELECT * FROM type::record('room_members', [$r, $user_id]) WHERE !(membership != 'join')", { r: '!r' }],
      ['SELECT * FROM receipts WHERE room_id IN (SELECT VALUE room_id FROM room_summaries) AND ts >= -5', {}],
      ["SELECT * FROM account_data WHERE type = 'm.direct' AND content.a[0] = 1 AND content CONTAINS 'x'", {}],
      [
        'SELECT * FROM receipts WHERE user_id = $auth OR user_id = record::id($auth) OR ts < time::unix(time::now())',
        {},
      ],
      ['LIVE SELECT DIFF FROM receipts', {}],
      ['LIVE SELECT * FROM receipts WHERE room_id NOT IN $rooms', { rooms: ['!a'] }],
    ] as [string, Record<string, unknown>][])
      expect(await channel.query(sql, bindings), sql).toHaveLength(1)
  })

  test('a session the client never attached is unknown', async () => {
    const channel = await openAs('alice')

    await expect(channel.call('query', ['SELECT * FROM receipts'], Uuid.v4())).rejects.toThrow(/no such session/)
    const session = Uuid.v4()
    await channel.call('attach', [], session)
    await expect(channel.call('query', ['SELECT * FROM receipts'], session)).rejects.toThrow(/Authenticate first/)
    await channel.call('detach', [], session)
    await expect(channel.call('query', ['SELECT * FROM receipts'], session)).rejects.toThrow(/no such session/)
  })

  test('variables of a session go along with its queries, protected ones do not exist', async () => {
    const channel = await openAs('alice')
    await channel.call('let', ['room', '!r'])
    expect(await channel.query('SELECT * FROM receipts WHERE room_id = $room')).toEqual([[]])
    await channel.call('unset', ['room'])
    await expect(channel.query('SELECT * FROM receipts WHERE room_id = $room')).rejects.toThrow(/not bound/)
    await expect(channel.call('let', ['token', {}])).rejects.toThrow(/cannot be bound/)
  })
})

describe('greed', () => {
  test('a client that does not read is closed with 4408', async () => {
    const channel = await openAs('alice')
    channel.bufferedBytes = liveLimits.bufferedBytes + 1

    await channel.call('ping').catch(() => {})

    expect(channel.closedWith).toMatchObject({ code: 4408 })
  })

  test('a client that sends without waiting is closed with 4429', async () => {
    const channel = await openAs('alice')
    for (let n = 0; n < 100; n++) void channel.call('query', ['SELECT * FROM receipts']).catch(() => {})

    expect(channel.closedWith).toMatchObject({ code: 4429 })
  })

  test('a user has 16 channels, and another has theirs', async () => {
    const own: MemoryChannel[] = []
    for (let n = 0; n < 17; n++) {
      const channel = open()
      await channel.call('authenticate', [await hs.token('alice')]).catch(() => {})
      own.push(channel)
    }
    expect(own.filter(({ closedWith }) => closedWith?.code === 4429)).toHaveLength(1)
    expect(hs.bridge.channels).toBe(16)
    expect(await (await openAs('bob')).query('SELECT * FROM receipts')).toEqual([[]])
  })

  test('an answer that is too large becomes a refusal', async () => {
    await hs.db.live.writeLive([memberRow('!big:x', alice), ...events(600, 'y'.repeat(40_000))], { silent: true })
    const channel = await openAs('alice')

    await expect(channel.query("SELECT * FROM room_events:['!big:x', 1]..['!big:x', 900]")).rejects.toThrow(/too large/)
    expect(await channel.query("SELECT seq FROM room_events:['!big:x', 1]..['!big:x', 9]")).toHaveLength(1)
  })
})
