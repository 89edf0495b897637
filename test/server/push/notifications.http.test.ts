/** GET /notifications: what one was notified of, over all rooms, newest first. */
import { afterAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'

type Notification = {
  event: { event_id: string; content: { body?: string } }
  read: boolean
  room_id: string
  actions: unknown[]
}

describe('the list of notifications', async () => {
  const hs = await startHomeserver({ users: ['alice'] })
  afterAll(() => hs.close())
  const alice = hs.as('alice')
  let users = 0
  const list = async (client: TestClient, query = '') => {
    const { body, status } = await client.get(`/notifications${query}`)
    expect(status).toBe(200)
    const notifications = body.notifications as Notification[]
    return {
      notifications,
      next: body.next_token as string | undefined,
      texts: notifications.map(({ event }) => event.content.body),
    }
  }
  async function begin(rooms: number) {
    const bob = await hs.register(`bob${++users}`, false)
    const ids: string[] = []
    for (let n = 0; n < rooms; n++) {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await alice.say(roomId, 'before')
      await bob.joinRoom(roomId)
      ids.push(roomId)
    }
    return { bob, ids }
  }

  test('has the messages of all rooms, newest first, and whether they were read', async () => {
    const { bob, ids } = await begin(3)
    const sent: string[] = []
    for (let n = 0; n < 9; n++) sent.push(await alice.say(ids[n % 3]!, `${n}`))
    await bob.say(ids[0]!, 'own')
    await bob.post(`/rooms/${encodeURIComponent(ids[1]!)}/receipt/m.read/${sent[4]}`)
    const { notifications, texts, next } = await list(bob)

    expect(texts).toEqual(['8', '7', '6', '5', '4', '3', '2', '1', '0'])
    expect(next).toBeUndefined()
    expect(notifications.filter(({ read }) => read).map(({ event }) => event.event_id)).toEqual([sent[4], sent[1]])
    expect(notifications[0]).toMatchObject({
      room_id: ids[2],
      actions: expect.arrayContaining(['notify']),
      event: { event_id: sent[8] },
    })
  })

  test('is paged without a gap or a repetition, while more comes in', async () => {
    const { bob, ids } = await begin(2)
    for (let n = 0; n < 130; n++) await alice.say(ids[n % 7 ? 0 : 1]!, `${n}`)
    const all: (string | undefined)[] = []
    let page = await list(bob, '?limit=15')
    for (let pages = 0; pages < 20; pages++) {
      expect(page.texts.length).toBeLessThanOrEqual(15)
      all.push(...page.texts)
      if (!page.next) break
      await alice.say(ids[pages % 2]!, 'later')
      page = await list(bob, `?limit=15&from=${page.next}`)
    }
    expect(all).toEqual(Array.from({ length: 130 }, (_, n) => `${129 - n}`))
  })

  test('has what is highlighted alone where that is asked for', async () => {
    const { bob, ids } = await begin(1)
    const content = { msgtype: 'm.text', body: 'you', 'm.mentions': { user_ids: [bob.userId] } }
    await alice.say(ids[0]!, 'all')
    await alice.put(`/rooms/${encodeURIComponent(ids[0]!)}/send/m.room.message/h1`, content)
    expect((await list(bob, '?only=highlight')).texts).toEqual(['you'])
  })

  test('lacks what was redacted, who is ignored, what rules silence, and rooms that were left', async () => {
    const { bob, ids } = await begin(3)
    const gone = await alice.say(ids[0]!, 'redacted')
    await alice.put(`/rooms/${encodeURIComponent(ids[0]!)}/redact/${gone}/r`)
    await alice.say(ids[0]!, 'stays')
    await alice.say(ids[1]!, 'silent')
    await bob.put(`/pushrules/global/room/${encodeURIComponent(ids[1]!)}`, { actions: [] })
    await alice.say(ids[2]!, 'left')
    await bob.leaveRoom(ids[2]!)
    expect((await list(bob)).texts).toEqual(['stays'])
    await bob.put(`/user/${bob.userId}/account_data/m.ignored_user_list`, { ignored_users: { [alice.userId]: {} } })
    expect((await list(bob)).texts).toEqual([])
  })

  test('refuses what is no token of it', async () => {
    const { bob } = await begin(0)
    for (const query of ['?from=t1_5', '?from=n1_', '?limit=0', '?limit=x'])
      expect((await bob.get(`/notifications${query}`)).status).toBe(400)
    expect(await list(bob)).toEqual({ notifications: [], next: undefined, texts: [] })
  })
})
