/** From a Matrix login to live reading with an unmodified SurrealDB SDK over WebSocket, and its end with the login. */
import { Surreal } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { passwordOf, startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

async function openLive(hs: TestHomeserver, user: TestClient) {
  const headers = { authorization: `Bearer ${user.token}` }
  const answer = await fetch(`${hs.server.clientUrl}_hearth/client/v1/live_token`, { method: 'POST', headers })
  const { url, namespace, database, token } = await answer.json()
  const db = new Surreal({ websocketImpl: WebSocket as never })
  let isClosed = false
  db.subscribe('disconnected', () => {
    isClosed = true
  })
  await db.connect(url, { namespace, database, authentication: token, reconnect: false })
  return { db, isClosed: () => isClosed }
}

test('a member reads the room’s events, another user none', async () => {
  await using hs = await startHomeserver({ users: ['alice', 'bob'], sockets: true })
  const roomId = await hs.as('alice').createRoom({ name: 'Ours' })
  await hs.as('alice').say(roomId, 'hello')
  const [alice, bob] = [await openLive(hs, hs.as('alice')), await openLive(hs, hs.as('bob'))]
  const read = async ({ db }: { db: Surreal }) => {
    const sql = 'SELECT VALUE event.content.body FROM room_events WHERE event_type = "m.room.message" LIMIT 10'
    const [rows] = await db.query<[string[]]>(sql).collect()
    return rows
  }
  await expect.poll(() => read(alice)).toEqual(['hello'])
  expect(await read(bob)).toEqual([])
  await alice.db.close()
  await bob.db.close()
})

describe('the channel is closed at once when', () => {
  const auth = { type: 'm.login.password', user: 'alice', password: passwordOf('alice') }
  const endings: [string, (hs: TestHomeserver, device: TestClient) => Promise<{ status: number }>][] = [
    ['the device logs out', (_, device) => device.post('/logout')],
    ['another device logs all out', (hs) => hs.as('alice').post('/logout/all')],
    ['another device deletes it', (hs, { deviceId }) => hs.as('alice').delete(`/devices/${deviceId}`, { auth })],
    [
      'another device changes the password',
      (hs) => hs.as('alice').post('/account/password', { new_password: 'x', auth }),
    ],
    ['the account is deactivated', (hs) => hs.as('alice').post('/account/deactivate', { auth })],
    [
      'an administrator locks the account',
      (hs) => hs.as('root').put('/_matrix/client/v1/admin/lock/@alice:test', { locked: true }),
    ],
  ]
  test.each(endings)('%s', async (_, end) => {
    await using hs = await startHomeserver({ users: ['alice', 'root'], admins: ['root'], sockets: true })
    const device = await hs.logIn('alice')
    const live = await openLive(hs, device)
    expect((await end(hs, device)).status).toBe(200)
    await expect.poll(live.isClosed, { timeout: 2_000 }).toBe(true)
    await live.db.close()
  })
})
