/** Two clients change the same thing at the same time: nothing of either is lost (docs/decisions/0012). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

let hs: TestHomeserver
let phone: TestClient
let tablet: TestClient
let roomId: string
beforeAll(async () => {
  hs = await startHomeserver({ users: ['alice', 'bob'] })
  phone = hs.as('alice')
  tablet = await hs.logIn('alice')
  roomId = await phone.createRoom({ preset: 'public_chat', room_version: '11' })
})
afterAll(() => hs.close())

const at = (path: string) => `/rooms/${encodeURIComponent(roomId)}/${path}`
/** Both do it, each with its own numbers, all at once. */
const both = (act: (client: TestClient, n: number) => Promise<unknown>, times = 5) =>
  Promise.all(Array.from({ length: times }, (_, i) => [act(phone, 2 * i), act(tablet, 2 * i + 1)]).flat())
const ten = (name: (n: number) => string) => Array.from({ length: 10 }, (_, n) => name(n)).sort()

describe('at once', () => {
  test('tags', async () => {
    const tags = `/user/${phone.userId}${at('tags')}`
    await both((client, n) => client.put(`${tags}/u.t${n}`, { order: n / 10 }))
    expect(Object.keys((await phone.get(tags)).body.tags).sort()).toEqual(ten((n) => `u.t${n}`))

    await both((client, n) => client.delete(`${tags}/u.t${n}`))
    expect((await phone.get(tags)).body.tags).toEqual({})
  })

  test('push rules, of one kind and of several', async () => {
    const rule = (kind: string, n: number) => `/pushrules/global/${kind}/r${n}`
    await both((client, n) => client.put(rule('content', n), { pattern: `word${n}`, actions: ['notify'] }))
    await both((client, n) =>
      n % 2 === 0
        ? client.put(`${rule('content', n)}/enabled`, { enabled: false })
        : client.put(rule('underride', n), { conditions: [], actions: [] }),
    )

    const { global } = (await phone.get('/pushrules/')).body
    const own = (kind: string) => global[kind].filter((each: { default: boolean }) => !each.default)
    expect(
      own('content')
        .map((each: { rule_id: string }) => each.rule_id)
        .sort(),
    ).toEqual(ten((n) => `r${n}`))
    expect(own('content').filter((each: { enabled: boolean }) => each.enabled)).toHaveLength(5)
    expect(own('underride')).toHaveLength(5)
  })

  test('profile fields, and the last name is the one in the rooms', async () => {
    await both((client, n) => client.put(`/profile/${phone.userId}/org.test.f${n}`, { [`org.test.f${n}`]: n }))
    const { displayname: _, avatar_url: __, ...fields } = (await phone.get(`/profile/${phone.userId}`)).body
    expect(Object.keys(fields).sort()).toEqual(ten((n) => `org.test.f${n}`))

    for (let i = 0; i < 3; i++) await phone.createRoom()
    await both((client, n) => client.put(`/profile/${phone.userId}/displayname`, { displayname: `Alice ${n}` }))
    const { displayname } = (await phone.get(`/profile/${phone.userId}/displayname`)).body
    const names: string[] = []
    for (const joined of (await phone.get('/joined_rooms')).body.joined_rooms) {
      const path = `/rooms/${encodeURIComponent(joined)}/state/m.room.member/${phone.userId}`
      names.push((await phone.get(path)).body.displayname)
    }
    expect(new Set(names)).toEqual(new Set([displayname]))
  })

  test('fully-read markers: the furthest stays', async () => {
    const events: string[] = []
    for (let n = 0; n < 10; n++) events.push(await phone.say(roomId, `m${n}`))

    await Promise.all([9, 3, 0, 7, 5].map((n) => phone.post(at('read_markers'), { 'm.fully_read': events[n] })))

    const marker = await phone.get(`/user/${phone.userId}${at('account_data/m.fully_read')}`)
    expect(marker.body.event_id).toBe(events[9])
  })

  test('account data and state: one of them, whole', async () => {
    const direct = (n: number) => ({ [`@u${n}:test`]: [`!r${n}`] })
    await both((client, n) => client.put(`/user/${phone.userId}/account_data/m.direct`, direct(n)))
    const found = (await phone.get(`/user/${phone.userId}/account_data/m.direct`)).body
    expect(ten((n) => JSON.stringify(direct(n)))).toContain(JSON.stringify(found))

    await both((client, n) => client.put(at('state/m.room.pinned_events/'), { pinned: [`$e${n}`] }))
    const pinned = (await phone.get(at('state/m.room.pinned_events/'))).body.pinned
    expect(pinned).toHaveLength(1)
  })

  test('one name is registered once, one alias made once', async () => {
    const body = { username: 'carol', password: 'x', auth: { type: 'm.login.dummy' } }
    const registered = await Promise.all(Array.from({ length: 4 }, () => hs.request('POST', '/register', { body })))
    expect(registered.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400])

    const made = await both((client) =>
      client.put(`/directory/room/${encodeURIComponent('#one:test')}`, { room_id: roomId }),
    )
    expect((made as { status: number }[]).filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('three upgrades of one room make one room', async () => {
    const old = await phone.createRoom({ preset: 'public_chat', room_version: '10' })
    const upgrade = (client: TestClient, new_version = '11') =>
      client.post(`/rooms/${encodeURIComponent(old)}/upgrade`, { new_version })
    const before = (await phone.get('/joined_rooms')).body.joined_rooms.length

    const answers = await Promise.all([upgrade(phone), upgrade(tablet), upgrade(phone), upgrade(hs.as('bob'))])

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 403])
    expect(new Set(answers.slice(0, 3).map(({ body }) => body.replacement_room)).size).toBe(1)
    expect((await phone.get('/joined_rooms')).body.joined_rooms).toHaveLength(before + 1)
    const tombstone = await phone.get(`/rooms/${encodeURIComponent(old)}/state/m.room.tombstone/`)
    expect(tombstone.body.replacement_room).toBe(answers[0]!.body.replacement_room)
  })
})
