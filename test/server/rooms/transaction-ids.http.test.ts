/** Transaction IDs over logins: they are the device's. */
import { expect, test } from 'vitest'
import { startHomeserver } from '../../support/homeserver.js'

test('the same device and transaction ID after a new login gives the first answer', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const phone = await hs.logIn('alice', { device_id: 'PHONE' })
  const roomId = await phone.createRoom()
  const first = await phone.say(roomId, 'hello', 'txn1')

  const again = await hs.logIn('alice', { device_id: 'PHONE' })
  expect(await again.say(roomId, 'hello', 'txn1')).toBe(first)
  expect(await (await hs.logIn('alice', { device_id: 'TABLET' })).say(roomId, 'hello', 'txn1')).not.toBe(first)
  expect(await again.timeline(roomId)).toEqual(['hello', 'hello'])
})

test('a device that was logged out and has its ID taken again begins its transaction IDs anew', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const phone = await hs.logIn('alice', { device_id: 'PHONE' })
  const roomId = await phone.createRoom()
  const first = await phone.say(roomId, 'one', 'txn1')
  await phone.post('/logout')

  const another = await hs.logIn('alice', { device_id: 'PHONE' })
  expect(await another.say(roomId, 'two', 'txn1')).not.toBe(first)
  expect(await another.timeline(roomId)).toEqual(['one', 'two'])
})

test('a path of before v1.1 is the same path, its transaction IDs too', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const alice = hs.as('alice')
  const roomId = await alice.createRoom()
  const first = await alice.say(roomId, 'hello', 'txn1')
  const old = `/_matrix/client/r0/rooms/${encodeURIComponent(roomId)}/send/m.room.message/txn1`
  const answer = await hs.server.handle(
    new Request(`http://localhost${old}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${alice.token}` },
      body: JSON.stringify({ msgtype: 'm.text', body: 'hello' }),
    }),
  )

  expect(await answer.json()).toEqual({ event_id: first })
  expect(await alice.timeline(roomId)).toEqual(['hello'])
})
