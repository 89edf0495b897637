/** /sync where the room's history forks and state resolution moves the state. */
import { describe, expect, test } from 'vitest'
import type { PduEvent } from '../../../server/events/pdu.js'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import type { EventDraft } from '../../../server/rooms/build-event.js'
import { openTestDatabase } from '../../support/database.js'
import { user } from '../../support/rooms.js'
import { bodies, makeTestSyncing, only, type RoomAnswer } from '../../support/syncing.js'
import { buildOn } from '../../support/views.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]

describe('/sync of a forked room', async () => {
  const db = await openTestDatabase()
  const hs = await makeTestSyncing(db)

  /** An event on top of the room as it is now, not yet sent: to be accepted later, beside what came meanwhile. */
  async function prepareFork(roomId: RoomId, draft: EventDraft): Promise<PduEvent> {
    const room = await hs.rooms.get(roomId)
    if (!room) throw new Error('no room')
    return buildOn(hs.rooms, room, draft, hs.signer)
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

  /** What a client believes a key to hold: its state, then the timeline. */
  const topicAfter = (section: RoomAnswer) => {
    const events = section.state_after?.events ?? [...section.state.events, ...section.timeline.events]
    return events.filter(({ type }) => type === 'm.room.topic').at(-1)?.content.topic
  }

  test('an accepted event that loses the resolution is never told as the state', async () => {
    const roomId = await hs.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11', topic: 'first' })
    await hs.joinRoom({ roomId, sender: carol })
    const device = hs.device(carol, 'LOSER')
    const filter = { room: { rooms: [roomId] } }
    const { next_batch: since } = await device.sync({ filter })
    const loser = await prepareFork(roomId, {
      type: 'm.room.topic',
      sender: alice,
      stateKey: '',
      content: { topic: 'lost' },
    })
    await new Promise((resolve) => setTimeout(resolve, 5)) // the later timestamp wins
    await hs.sendEvent(roomId, { type: 'm.room.topic', sender: alice, stateKey: '', content: { topic: 'won' } })

    expect((await hs.acceptPdu(roomId, loser)).status).toBe('accepted')

    expect(topicAfter(only(await device.sync({ since, filter, useStateAfter: true })))).toBe('won')
    const classic = only(await device.sync({ since, filter }))
    expect(topicAfter(classic)).toBe('won')
    // Nothing is lost by it: what is left out of the timeline is reached from its beginning.
    const before = await device.messages(roomId, { from: classic.timeline.prev_batch, limit: 2 })
    expect(before.chunk.map(({ content }) => content.topic)).toEqual(['lost', 'won'])
    expect(topicAfter(only(await device.sync({ filter, useStateAfter: true })))).toBe('won')
    expect(topicAfter(only(await device.sync({ filter })))).toBe('won')
    await hs.sendText(roomId, alice, 'on both')
    expect(topicAfter(only(await device.sync({ since, filter, useStateAfter: true })))).toBe('won')
  })

  test('state that moved before a restart is told to who was away since before', async () => {
    const roomId = await hs.createRoom({
      creator: alice,
      preset: 'public_chat',
      roomVersion: '11',
      topic: 'agreed',
      powerLevelContentOverride: { users: { [alice]: 100, [bob]: 50 } },
    })
    await hs.joinRoom({ roomId, sender: bob })
    await hs.joinRoom({ roomId, sender: carol })
    const ban = await prepareFork(roomId, {
      type: 'm.room.member',
      sender: alice,
      stateKey: bob,
      content: { membership: 'ban' },
    })
    await hs.sendEvent(roomId, { type: 'm.room.topic', sender: bob, stateKey: '', content: { topic: 'mutiny' } })
    const filter = { room: { rooms: [roomId] } }
    const { next_batch: since } = await hs.device(carol, 'AWAY').sync({ filter })
    await hs.acceptPdu(roomId, ban)
    await hs.sendText(roomId, alice, 'quiet again') // merges the branches: the state is that of the newest event

    const restarted = await makeTestSyncing(db)

    const device = restarted.device(carol, 'AWAY')
    for (const useStateAfter of [true, false])
      expect(topicAfter(only(await device.sync({ since, filter, useStateAfter })))).toBe('agreed')
    restarted.close()
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
})
