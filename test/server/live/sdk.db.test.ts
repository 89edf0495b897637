/** The unmodified SurrealDB SDK of another process, over a socket: what it may do, what it sees, how it ends. */
import { describe, expect, test } from 'vitest'
import { startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'
import { SdkClient } from '../../support/sdk-client.js'
import { planStatements } from './plan-statements.js'

const alice = user('alice')
const bob = user('bob')

describe('the SDK of another process', () => {
  test('connects, authenticates, queries, listens and kills', async () => {
    await using hs = await startLiveServer()
    await using client = new SdkClient()
    const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'private_chat' })
    await hs.rooms.sendText(roomId, alice, 'before')
    await hs.settled()

    await client.login(hs.url, await hs.token('alice'))
    const [rows] = await client.call<[{ event: { content: { body?: string } } }[]]>(
      'query',
      'SELECT * FROM room_events:[$room, 0]..[$room, 1000]',
      { room: roomId },
    )
    await client.call('live', 'events', 'LIVE SELECT * FROM room_events WHERE room_id = $room_id', { room_id: roomId })
    await hs.rooms.sendText(roomId, alice, 'after')
    const [note] = await client.hears('events', 1)
    await client.call('kill', 'events')
    await hs.rooms.sendText(roomId, alice, 'unheard')
    await hs.settled()

    expect(rows.at(-1)?.event.content.body).toBe('before')
    expect(note).toMatchObject({ action: 'CREATE', row: { room_id: roomId, event: { content: { body: 'after' } } } })
    expect(hs.registry.size).toBe(0)
    expect(client.notes).toHaveLength(1)
  })
})
