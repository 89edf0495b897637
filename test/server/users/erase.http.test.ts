/** Closing an account with `erase`: what it said is for those who were there, and for nobody who comes later. */
import { expect, test } from 'vitest'
import type { DeviceId, UserId } from '../../../server/kernel/identifiers.js'
import { closeLiveEvents } from '../../../server/store/projection-store.js'
import { passwordOf, startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'
import { startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'

type Event = { event_id: string; type: string; content: { body?: string }; unsigned?: Record<string, unknown> }

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const edited = (event: Event) => (event.unsigned?.['m.relations'] as Record<string, unknown> | undefined)?.['m.replace']

async function deactivate(client: TestClient, localpart: string, erase: boolean): Promise<void> {
  const identifier = { type: 'm.id.user', user: localpart }
  const auth = { type: 'm.login.password', identifier, password: passwordOf(localpart) }
  expect((await client.post('/account/deactivate', { auth, erase })).status).toBe(200)
}

async function bodiesOf(client: TestClient, roomId: string): Promise<(string | undefined)[]> {
  const { chunk } = (await client.get(path(roomId, 'messages?dir=f&limit=50'))).body
  return (chunk as Event[]).filter(({ type }) => type === 'm.room.message').map(({ content }) => content.body)
}

/** alice and bob have talked; alice closed her account; carol comes. */
async function closed(hs: TestHomeserver, erase: boolean) {
  const [alice, bob, carol] = [hs.as('alice'), hs.as('bob'), hs.as('carol')]
  const roomId = await bob.createRoom({ preset: 'public_chat' })
  await alice.joinRoom(roomId)
  const said = await alice.say(roomId, 'by alice')
  await alice.put(path(roomId, 'send/m.room.message/edit'), {
    ...{ body: '* edited', 'm.new_content': { body: 'edited' } },
    'm.relates_to': { rel_type: 'm.replace', event_id: said },
  })
  await bob.say(roomId, 'by bob')
  await deactivate(alice, 'alice', erase)
  await carol.joinRoom(roomId)
  return { bob, carol, roomId, said }
}

test('who was there sees what an erased user said; who comes later gets it without content', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'bob', 'carol'] })
  const { bob, carol, roomId, said } = await closed(hs, true)

  expect(await bodiesOf(bob, roomId)).toEqual(['by alice', '* edited', 'by bob'])
  expect(await bodiesOf(carol, roomId)).toEqual([undefined, undefined, 'by bob'])
  const event = path(roomId, `event/${encodeURIComponent(said)}`)
  expect(edited((await bob.get(event)).body)).toBeDefined()
  expect((await carol.get(event)).body.content).toEqual({})
  expect(edited((await carol.get(event)).body)).toBeUndefined()
  const context = (await carol.get(path(roomId, `context/${encodeURIComponent(said)}`))).body
  expect(context.event.content).toEqual({})
  const sync = (await carol.get('/sync')).body
  const told = (sync.rooms.join[roomId].timeline.events as Event[]).find(({ event_id }) => event_id === said)
  expect(told?.content).toEqual({})
})

test('rows of what an erased user said are for those who were there; the preview says nothing of it', async () => {
  await using hs = await startLiveServer({ users: ['alice', 'bob', 'carol'] })
  const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]
  const room = await hs.rooms.createRoom({ creator: bob, preset: 'public_chat' })
  await hs.rooms.joinRoom({ roomId: room, sender: alice })
  await hs.rooms.sendText(room, alice, 'before')
  await hs.settled()
  hs.erased.add(alice)
  await hs.db.live.writeLive([closeLiveEvents(room, alice)])
  await hs.rooms.sendText(room, alice, 'after')
  await hs.rooms.joinRoom({ roomId: room, sender: carol })
  await hs.settled()

  const rowsOf = async (name: string) => {
    const session = await hs.sessions.openRecordSession(await hs.token(name))
    const [rows] = await hs.sessions.query<[{ sender: UserId; event: Event }[]]>(
      session,
      'SELECT * FROM room_events:[$room, NONE]..[$room, ..]',
      { room },
    )
    return rows.flatMap(({ event }) => event.content.body ?? [])
  }
  expect(await rowsOf('bob')).toEqual(['before', 'after'])
  expect(await rowsOf('carol')).toEqual([])
  hs.viewers.addChannel({ id: 'of carol', userId: carol, deviceId: 'C' as DeviceId })
  await hs.settled()
  const [lines] = await hs.db.query<[object[]]>('SELECT * FROM room_summaries:[$carol, $room]', { carol, room })
  expect(lines[0]).not.toHaveProperty('last_event')
})

test('an account that is closed without that leaves what it said to whoever may read the room', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'bob', 'carol'] })
  const { carol, roomId } = await closed(hs, false)

  expect(await bodiesOf(carol, roomId)).toEqual(['by alice', '* edited', 'by bob'])
})
