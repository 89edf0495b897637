/** Rooms that everybody has left: whoever is still invited, or has knocked, can have done with them. */
import { describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`

async function sync(client: TestClient, since?: string) {
  const { body } = await client.get(`/sync?timeout=0${since ? `&since=${since}` : ''}`)
  return body as {
    next_batch: string
    rooms?: Record<string, Record<string, { timeline?: { events: { type: string; content: object }[] } }>>
  }
}

const joinRule = (join_rule: string) => [{ type: 'm.room.join_rules', state_key: '', content: { join_rule } }]

describe('in a room that its last member has left', () => {
  test('an invite can be declined; /sync tells so, and the invite is gone', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    await alice.post(path(roomId, 'leave'), {})
    const before = await sync(bob)
    expect(before.rooms?.invite).toHaveProperty([roomId])

    expect(await bob.post(path(roomId, 'leave'), {})).toMatchObject({ status: 200 })

    const after = await sync(bob, before.next_batch)
    expect(after.rooms?.leave?.[roomId]?.timeline?.events).toMatchObject([{ content: { membership: 'leave' } }])
    expect((await sync(bob)).rooms?.invite ?? {}).toEqual({})
  })

  test('an invite can be taken up', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    await alice.post(path(roomId, 'leave'), {})
    expect(await bob.post(path(roomId, 'join'), {})).toMatchObject({ status: 200 })
    expect((await bob.get(path(roomId, 'joined_members'))).body.joined).toHaveProperty([bob.userId])
  })

  test('a knock can be withdrawn, and somebody can knock', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob', 'carol'] })
    const [alice, bob, carol] = [hs.as('alice'), hs.as('bob'), hs.as('carol')]
    const roomId = await alice.createRoom({ preset: 'private_chat', initial_state: joinRule('knock') })
    expect(await bob.post(`/knock/${encodeURIComponent(roomId)}`, {})).toMatchObject({ status: 200 })
    await alice.post(path(roomId, 'leave'), {})
    expect(await bob.post(path(roomId, 'leave'), {})).toMatchObject({ status: 200 })
    expect((await sync(bob)).rooms?.knock ?? {}).toEqual({})
    expect(await carol.post(`/knock/${encodeURIComponent(roomId)}`, {})).toMatchObject({ status: 200 })
  })

  test('an uninvited stranger is not let in', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const roomId = await hs.as('alice').createRoom({ preset: 'private_chat' })
    await hs.as('alice').post(path(roomId, 'leave'), {})
    expect(await hs.as('bob').post(path(roomId, 'join'), {})).toMatchObject({ status: 403 })
  })
})

describe('a room that one device has left and forgotten', () => {
  test('is told to the others as left', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob'] })
    const [alice, bob] = [hs.as('alice'), hs.as('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.post(path(roomId, 'join'), {})
    const other = await hs.logIn('bob')
    const { next_batch } = await sync(other)
    await bob.post(path(roomId, 'leave'), {})
    expect(await bob.post(path(roomId, 'forget'), {})).toMatchObject({ status: 200 })

    const told = await sync(other, next_batch)
    expect(told.rooms?.leave?.[roomId]?.timeline?.events.at(-1)).toMatchObject({ content: { membership: 'leave' } })
    const again = await sync(other, told.next_batch)
    expect(again.rooms?.leave ?? {}).toEqual({})
    const everything = encodeURIComponent(JSON.stringify({ room: { include_leave: true } }))
    expect((await bob.get(`/sync?filter=${everything}`)).body.rooms?.leave ?? {}).toEqual({})
  })
})
