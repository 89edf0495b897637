/** /sync where the room's history forks and state resolution moves the state, and where history is backfilled. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { buildUnsignedEvent, type EventDraft, signEvent } from '../../../server/rooms/build-event.js'
import { makeInsertHistory } from '../../../server/rooms/insert-history.js'
import { openTestDatabase } from '../../support/database.js'
import { user } from '../../support/rooms.js'
import { bodies, makeTestSyncing, only } from '../../support/syncing.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

describe('/sync of a forked room', async () => {
  const db = await openTestDatabase()
  const hs = await makeTestSyncing(db)

  /** An event on top of the room as it is now, not yet sent: to be accepted later, beside what came meanwhile. */
  async function prepareFork(roomId: RoomId, draft: EventDraft): Promise<PduEvent> {
    const room = await hs.rooms.get(roomId)
    if (!room) throw new Error('no room')
    return signEvent(buildUnsignedEvent(room, draft, Date.now()), room.rules, hs.signer).event
  }

  test('state that resolution takes back is told, though no event in the timeline says so', async () => {
    const roomId = await hs.createRoom({
      creator: alice,
      preset: 'public_chat',
      roomVersion: '11',
      topic: 'agreed',
      powerLevelContentOverride: { users: { [alice]: 100, [bob]: 50 } },
    })
    await hs.joinRoom({ roomId, sender: bob })
    await hs.joinRoom({ roomId, sender: carol })
    const [old, fresh] = [hs.device(carol, 'OLD'), hs.device(carol, 'FRESH')]
    const before = await old.sync()
    const ban = await prepareFork(roomId, {
      type: 'm.room.member',
      sender: alice,
      stateKey: bob,
      content: { membership: 'ban' },
    })
    await hs.sendEvent(roomId, { type: 'm.room.topic', sender: bob, stateKey: '', content: { topic: 'mutiny' } })
    const between = await fresh.sync({ filter: { room: { rooms: [roomId] } } })

    const accepted = await hs.acceptPdu(roomId, ban)

    expect(accepted.status).toBe('accepted')
    const state = (await hs.rooms.get(roomId))?.state
    const topics = [...(state?.values() ?? [])].filter(({ pdu }) => pdu.type === 'm.room.topic')
    expect(topics.map(({ pdu }) => pdu.content.topic)).toEqual(['agreed'])
    for (const [device, { next_batch: since }] of [
      [old, before],
      [fresh, between],
    ] as const) {
      const section = only(await device.sync({ since, useStateAfter: true }))
      const told = section.state_after.events.map(({ type, content }) => [type, content.topic ?? content.membership])
      if (device === fresh) expect(told).toContainEqual(['m.room.topic', 'agreed'])
      expect(told).toContainEqual(['m.room.member', 'ban'])
      expect(told).not.toContainEqual(['m.room.topic', 'mutiny'])
    }
    const classic = only(await fresh.sync({ since: between.next_batch }))
    expect(classic.state.events.map(({ content }) => content.topic)).toEqual(['agreed'])
    expect(classic.timeline.events.map(({ content }) => content.membership)).toEqual(['ban'])
    expect((await hs.device(bob).sync()).rooms?.join?.[roomId]).toBeUndefined()
  })

  test('two messages on two branches both come, in the order in which they were accepted', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    const device = hs.device(alice)
    const { next_batch: since } = await device.sync()
    const fork = await prepareFork(roomId, {
      type: 'm.room.message',
      sender: alice,
      content: { msgtype: 'm.text', body: 'left' },
    })
    await hs.sendText(roomId, alice, 'right')
    await hs.acceptPdu(roomId, fork)

    expect(bodies(only(await device.sync({ since })).timeline.events)).toEqual(['right', 'left'])
  })

  test('backfilled history is reached by /messages, is asked for once, and no sync tells it', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
    await hs.sendText(roomId, alice, 'known')
    const room = await hs.rooms.get(roomId)
    if (!room) throw new Error('no room')
    room.historyComplete = false // as in a room joined over federation
    const older = await Promise.all(
      ['third', 'second', 'first'].map((body) =>
        prepareFork(roomId, { type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body } }),
      ),
    )
    let asked = 0
    const insertHistory = makeInsertHistory(hs.rooms)
    const reading = await makeTestSyncing(db, {
      rooms: hs.rooms,
      backfill: async (id) => {
        asked++
        return insertHistory(id, older)
      },
    })
    const device = reading.device(alice)
    const { next_batch: since } = await device.sync()

    const page = await device.messages(roomId, { limit: 100 })
    const forwards = await device.messages(roomId, { direction: 'f', limit: 100 })
    const later = await device.sync({ since })

    expect(bodies(page.chunk)).toEqual(['known', 'third', 'second', 'first'])
    expect(bodies(forwards.chunk)).toEqual(['first', 'second', 'third', 'known'])
    expect(asked).toBe(1)
    expect(later.rooms).toBeUndefined()
    reading.close()
  })

  test('what was backfilled is judged by the visibility it had, not by a membership that came later', async () => {
    const roomId = await hs.createRoom({
      creator: alice,
      preset: 'public_chat',
      roomVersion: '11',
      initialState: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
    })
    await hs.joinRoom({ roomId, sender: carol })
    const room = await hs.rooms.get(roomId)
    if (!room) throw new Error('no room')
    room.historyComplete = false
    const old = await prepareFork(roomId, {
      type: 'm.room.message',
      sender: alice,
      content: { msgtype: 'm.text', body: 'old' },
    })
    await makeInsertHistory(hs.rooms)(roomId, [old])

    expect(bodies((await hs.device(carol).messages(roomId, { limit: 100 })).chunk)).toEqual([])
  })
})
