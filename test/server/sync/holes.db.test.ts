/** Reading a room's history where a stretch of it is not here: what /sync and /messages tell of the hole, and how it is filled. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import type { EventDraft } from '../../../server/rooms/build-event.js'
import { makeInsertHistory } from '../../../server/rooms/insert-history.js'
import type { Backfill } from '../../../server/sync/read-messages.js'
import { openTestDatabase } from '../../support/database.js'
import { leaveHole, prepareChain, toldAs } from '../../support/holes.js'
import { user } from '../../support/rooms.js'
import { bodies, makeTestSyncing, only } from '../../support/syncing.js'
import { idsOf } from '../../support/views.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

describe('a hole in the history', async () => {
  const db = await openTestDatabase()
  /** What other servers have of each room, oldest first; they tell `perPage` at once. */
  const elsewhere = new Map<RoomId, readonly PduEvent[]>()
  const asked: string[] = []
  let perPage = 100
  let backfill: Backfill = async () => false
  const hs = await makeTestSyncing(db, { backfill: (...question) => backfill(...question) })
  const insertHistory = makeInsertHistory(hs.rooms, Date.now)
  const answering: Backfill = async (roomId, origin) => {
    asked.push(roomId)
    const { ends } = (await hs.rooms.get(roomId))!.segments.find((each) => each.origin === origin)!
    const all = elsewhere.get(roomId) ?? []
    const last = all.findLastIndex(({ eventId }) => ends.includes(eventId))
    const page = all.slice(Math.max(0, last + 1 - perPage), last + 1)
    return (await insertHistory(roomId, toldAs(origin, page))) > 0
  }

  const text = (body: string): EventDraft => ({
    type: 'm.room.message',
    sender: alice,
    content: { msgtype: 'm.text', body },
  })

  async function roomWithHole(missed: EventDraft[], options: object = {}) {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11', ...options })
    await hs.joinRoom({ roomId, sender: carol })
    await hs.sendText(roomId, alice, 'before')
    const device = hs.device(carol, roomId)
    const filter = { room: { rooms: [roomId], timeline: { limit: 20 } } }
    const { next_batch: since } = await device.sync({ filter })
    const hole = await leaveHole(hs, roomId, [...missed, text('after')])
    elsewhere.set(roomId, hole.missed)
    backfill = answering
    perPage = 100
    asked.length = 0
    return { roomId, device, filter, since, ...hole }
  }
  const messages = (count: number) => Array.from({ length: count }, (_, i) => text(`m${i}`))
  const told = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`)

  test('is told by /sync as a limited timeline that begins above it, and paged to from its prev_batch', async () => {
    const { device, filter, since, roomId } = await roomWithHole(messages(5))

    const { timeline } = only(await device.sync({ since, filter }))
    expect(bodies(timeline.events)).toEqual(['after'])
    expect(timeline.limited).toBe(true)

    const page = await device.messages(roomId, { from: timeline.prev_batch, limit: 6 })
    expect(bodies(page.chunk).reverse()).toEqual(['before', ...told(5)])
    const again = only(await device.sync({ since, filter }))
    expect(bodies(again.timeline.events)).toEqual([...told(5), 'after'])
    expect(again.timeline.limited).toBe(false)
  })

  test('is filled by as many questions as it takes, in one request and over requests, each event once', async () => {
    const { device, roomId } = await roomWithHole(messages(120))
    perPage = 25
    const seen: unknown[] = []
    let from: string | undefined
    for (let page = 0; page < 10; page++) {
      const { chunk, end } = await device.messages(roomId, { limit: 60, ...(from ? { from } : {}) })
      seen.push(...bodies(chunk))
      from = end
      if (!end) break
    }
    expect(seen.reverse()).toEqual(['before', ...told(120), 'after'])
    expect(from).toBeUndefined()
    expect(asked.length).toBe(5)
  })

  test('does not end a page that a filter leaves empty', async () => {
    const wanted = {
      ...text('with a picture'),
      content: { msgtype: 'm.image', body: 'with a picture', url: 'mxc://a/b' },
    }
    const { device, roomId } = await roomWithHole([wanted, ...messages(70)])
    perPage = 10
    const seen: unknown[] = []
    let from: string | undefined
    for (let page = 0; page < 20; page++) {
      const filter = { contains_url: true }
      const { chunk, end } = await device.messages(roomId, { limit: 5, filter, ...(from ? { from } : {}) })
      seen.push(...bodies(chunk))
      from = end
      if (!end) break
    }
    expect(seen).toEqual(['with a picture'])
  })

  test('is filled going forwards too', async () => {
    const { device, roomId } = await roomWithHole(messages(5))
    const { chunk } = await device.messages(roomId, { direction: 'f', limit: 100 })
    expect(bodies(chunk)).toEqual(['before', ...told(5), 'after'])
  })

  test('that nobody can fill now is passed, and there stays an end to go on from where nothing lies below', async () => {
    const { device, roomId, since, filter } = await roomWithHole(messages(5))
    backfill = async () => false
    const { timeline } = only(await device.sync({ since, filter }))
    const page = await device.messages(roomId, { from: timeline.prev_batch, limit: 1 })
    expect(bodies(page.chunk)).toEqual(['before'])
    backfill = answering // and the token of the place above it is good as ever
    const later = await device.messages(roomId, { from: timeline.prev_batch, limit: 3 })
    expect(bodies(later.chunk)).toEqual(['m4', 'm3', 'm2'])
  })

  test('moves no token: what stood around it stands around what fills it', async () => {
    const { device, roomId, news } = await roomWithHole(messages(5))
    const around = await device.context(roomId, news.eventId, 0)
    const whole = await device.messages(roomId, { limit: 100 })
    expect(bodies(whole.chunk).reverse()).toEqual(['before', ...told(5), 'after'])
    expect(bodies((await device.messages(roomId, { from: around.start, limit: 2 })).chunk)).toEqual(['m4', 'm3'])
    const forwards = await device.messages(roomId, { from: around.end, direction: 'f' })
    expect(forwards.chunk).toEqual([])
    expect(forwards.end).toBeUndefined()
  })

  test('ends where it is filled, in the rows as in memory', async () => {
    const { device, roomId } = await roomWithHole(messages(5))
    await device.messages(roomId, { limit: 100 })
    const inMemory = (await hs.rooms.get(roomId))!.segments
    const restarted = await makeTestSyncing(db)
    expect((await restarted.rooms.get(roomId))!.segments).toEqual(inMemory)
    expect(inMemory.map(({ below, ends }) => [below, ends])).toEqual([
      ['start', []],
      ['linked', []],
    ])
    expect(bodies((await restarted.device(carol).messages(roomId, { limit: 100 })).chunk)).toHaveLength(7)
    restarted.close()
  })

  test.each(['before', 'after'])(
    'goes on behind a soft-failed event that came %s the one that names it',
    async (when) => {
      const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
      for (const sender of [bob, carol]) await hs.joinRoom({ roomId, sender })
      await hs.sendText(roomId, alice, 'before')
      const drafts = [...messages(3), { ...text('of one who is banned by now'), sender: bob }, text('after')]
      const { events } = await prepareChain(hs, roomId, drafts)
      const [failing, news] = events.slice(-2) as [PduEvent, PduEvent]
      const stateBefore = await idsOf(hs.rooms, (await hs.rooms.get(roomId))!)
      await hs.banUser({ roomId, sender: alice, target: bob })
      elsewhere.set(roomId, events.slice(0, -1))
      backfill = answering
      perPage = 2
      const accept = async (event: PduEvent) => (await hs.acceptPdu(roomId, event, { stateBefore })).status
      if (when === 'before') expect(await accept(failing)).toBe('soft_failed')
      expect(await accept(news)).toBe('accepted')
      if (when === 'after') expect(await accept(failing)).toBe('soft_failed')

      const { chunk } = await hs.device(carol, roomId).messages(roomId, { limit: 100 })

      expect(bodies(chunk).reverse()).toEqual(['before', ...told(3), 'after'])
    },
  )

  test('above a second one: each is filled by itself, in order', async () => {
    const { device, roomId, missed } = await roomWithHole(messages(3))
    const second = await leaveHole(hs, roomId, [text('n0'), text('n1'), text('newest')])
    elsewhere.set(roomId, [...missed, ...second.missed])
    const { chunk } = await device.messages(roomId, { limit: 100 })
    expect(bodies(chunk).reverse()).toEqual(['before', ...told(3), 'after', 'n0', 'n1', 'newest'])
  })

  test('is not filled with what lies behind events that are here', async () => {
    const { device, roomId, origin, missed } = await roomWithHole(messages(3))
    // A server answers with more than was asked for: beyond the hole, and a branch that nothing here stands on.
    const stray = await prepareChain(hs, roomId, [text('stray')])
    await insertHistory(roomId, toldAs(origin, [...missed, ...stray.events]))
    const { chunk } = await device.messages(roomId, { limit: 100 })
    expect(bodies(chunk).reverse()).toEqual(['before', ...told(3), 'after'])
  })

  test('a redaction within it is applied to its target within it, before it and after it is known', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    await hs.joinRoom({ roomId, sender: carol })
    const known = await hs.sendText(roomId, alice, 'known')
    const { events } = await prepareChain(hs, roomId, [text('secret'), text('harmless')])
    const redact = (target: string): EventDraft => ({
      type: 'm.room.redaction',
      sender: alice,
      content: { redacts: target },
    })
    const { missed } = await leaveHole(hs, roomId, [text('secret'), text('harmless'), text('after')])
    expect(events).toHaveLength(2)
    const [secret] = missed as [PduEvent]
    const later = await leaveHole(hs, roomId, [redact(secret.eventId), redact(known), text('newest')])
    elsewhere.set(roomId, [...missed, ...later.missed])
    backfill = answering
    perPage = 1 // the redaction comes a page before its target

    const { chunk } = await hs.device(carol).messages(roomId, { limit: 100 })

    expect(bodies(chunk).filter((body) => body !== undefined)).toEqual(['newest', 'after', 'harmless'])
    for (const eventId of [secret.eventId, known])
      expect((await hs.device(carol).event(roomId, eventId)).content).toEqual({})
  })
})

describe('what fills a hole', async () => {
  const db = await openTestDatabase()
  const hs = await makeTestSyncing(db)
  const insertHistory = makeInsertHistory(hs.rooms, Date.now)
  const say = (body: string): EventDraft => ({
    type: 'm.room.message',
    sender: alice,
    content: { msgtype: 'm.text', body },
  })
  const visibility = (history_visibility: string): EventDraft => ({
    type: 'm.room.history_visibility',
    sender: alice,
    stateKey: '',
    content: { history_visibility },
  })

  test('is judged by the visibility that held then, not by the one before or after', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    const hole = await leaveHole(hs, roomId, [
      say('shared'),
      visibility('joined'),
      say('for those who are there'),
      visibility('shared'),
      say('shared again'),
    ])
    await insertHistory(roomId, toldAs(hole.origin, hole.missed))
    await hs.joinRoom({ roomId, sender: carol })

    expect(bodies((await hs.device(carol).messages(roomId, { limit: 100 })).chunk)).toEqual(['shared again', 'shared'])
  })

  test('is judged by who was there then: a member who was put out and came back within the hole saw nothing between', async () => {
    const roomId = await hs.createRoom({
      creator: alice,
      preset: 'public_chat',
      roomVersion: '11',
      initialState: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
    })
    await hs.joinRoom({ roomId, sender: bob })
    const member = (sender: typeof bob, membership: string): EventDraft => ({
      type: 'm.room.member',
      sender,
      stateKey: bob,
      content: { membership },
    })
    const hole = await leaveHole(hs, roomId, [
      say('together'),
      member(alice, 'leave'),
      say('behind his back'),
      member(bob, 'join'),
      say('together again'),
    ])
    await insertHistory(roomId, toldAs(hole.origin, hole.missed))

    const { chunk } = await hs.device(bob).messages(roomId, { limit: 100 })
    expect(bodies(chunk)).toEqual(['together again', 'together'])
  })

  test('has a state of its own: what the room was called then', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11', name: 'first' })
    const name = (of: string): EventDraft => ({
      type: 'm.room.name',
      sender: alice,
      stateKey: '',
      content: { name: of },
    })
    const hole = await leaveHole(hs, roomId, [
      say('under the first'),
      name('second'),
      say('under the second'),
      say('after'),
    ])
    await insertHistory(roomId, toldAs(hole.origin, hole.missed))

    const nameAt = async (event: PduEvent | undefined) =>
      (await hs.device(alice).context(roomId, event!.eventId, 0)).state.find(({ type }) => type === 'm.room.name')
        ?.content.name
    expect(await nameAt(hole.missed[0])).toBe('first')
    expect(await nameAt(hole.missed[2])).toBe('second')
    const [renaming] = (await hs.device(alice).messages(roomId, { limit: 100, filter: { types: ['m.room.name'] } }))
      .chunk
    expect(renaming?.unsigned.prev_content).toEqual({ name: 'first' })
  })
})
