/** Administration: Synapse's forms and the spec's own endpoints. */
import { describe, expect, test } from 'vitest'
import type { HomeserverConfig } from '../../../server/kernel/config.js'
import { passwordOf, startHomeserver } from '../../support/homeserver.js'

const admin = '/_synapse/admin'

describe('administration', () => {
  test('is for administrators alone', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    for (const path of [
      `${admin}/v2/users`,
      `${admin}/v1/rooms`,
      `${admin}/v1/federation/destinations`,
      `${admin}/v1/server_version`,
    ]) {
      const refused = await hs.as('alice').get(path)
      expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
      expect((await hs.request('GET', path)).body.errcode).toBe('M_MISSING_TOKEN')
    }
  })

  test('lists accounts in pages and finds them by name', async () => {
    await using hs = await startHomeserver({ users: ['root', 'bea', 'cem'], admins: ['root'] })
    const root = hs.as('root')
    const first = await root.get(`${admin}/v2/users?limit=2`)
    expect(first.body.users.map((user: { name: string }) => user.name)).toEqual(['@bea:test', '@cem:test'])
    expect([first.body.total, first.body.next_token]).toEqual([3, '2'])
    const rest = await root.get(`${admin}/v2/users?limit=2&from=${first.body.next_token}`)
    expect(rest.body.users[0]).toMatchObject({ name: '@root:test', admin: true, deactivated: false })
    expect(rest.body.next_token).toBeUndefined()
    expect((await root.get(`${admin}/v2/users?name=BE`)).body.total).toBe(1)
  })

  test('makes, changes and ends accounts', async () => {
    await using hs = await startHomeserver({ users: ['root'], admins: ['root'] })
    const root = hs.as('root')
    const at = `${admin}/v2/users/@dee:test`
    const made = await root.put(at, { password: passwordOf('dee'), displayname: 'Dee' })
    expect([made.status, made.body.displayname]).toEqual([201, 'Dee'])
    const dee = await hs.logIn('dee')

    expect((await root.put(at, { displayname: 'Dee Dee', admin: true })).body).toMatchObject({
      admin: true,
      displayname: 'Dee Dee',
    })
    expect((await dee.get(`${admin}/v1/server_version`)).status).toBe(200)
    expect((await root.put(`${admin}/v1/users/@dee:test/admin`, { admin: false })).status).toBe(200)
    expect((await dee.get(`${admin}/v1/server_version`)).status).toBe(403)
    expect((await root.get(`${admin}/v2/users/@dee:test/devices`)).body.total).toBe(1)

    await root.post(`${admin}/v1/reset_password/@dee:test`, { new_password: 'other' })
    expect((await dee.get('/account/whoami')).status).toBe(401)
    expect((await root.post(`${admin}/v1/deactivate/@dee:test`)).status).toBe(200)
    const login = await hs.request('POST', '/login', {
      body: { type: 'm.login.password', user: 'dee', password: 'other' },
    })
    expect(login.status).toBe(403)
    expect((await root.get(`${admin}/v2/users/@nobody:test`)).body.errcode).toBe('M_NOT_FOUND')
  })

  test('cannot take its own rights away', async () => {
    await using hs = await startHomeserver({ users: ['root'], admins: ['root'] })
    const root = hs.as('root')
    expect((await root.put(`${admin}/v1/users/@root:test/admin`, { admin: false })).status).toBe(403)
    expect((await root.post(`${admin}/v1/deactivate/@root:test`)).status).toBe(403)
    expect((await root.put(`${admin}/v2/users/@root:test`, { deactivated: true })).status).toBe(403)
    expect((await root.put('/_matrix/client/v1/admin/lock/@root:test', { locked: true })).status).toBe(403)
  })

  test('lists rooms by name, and tells who is in one', async () => {
    await using hs = await startHomeserver({ users: ['root', 'bea'], admins: ['root'] })
    const [root, bea] = [hs.as('root'), hs.as('bea')]
    const roomId = await bea.createRoom({ name: 'Zebra', preset: 'public_chat' })
    await bea.createRoom({ name: 'Aardvark' })
    await root.joinRoom(roomId)
    const { rooms, total_rooms } = (await root.get(`${admin}/v1/rooms`)).body
    expect([total_rooms, rooms.map((room: { name: string }) => room.name)]).toEqual([2, ['Aardvark', 'Zebra']])
    expect(rooms[1]).toMatchObject({
      room_id: roomId,
      joined_members: 2,
      joined_local_members: 2,
      creator: '@bea:test',
      version: '12',
    })
    expect((await root.get(`${admin}/v1/rooms?search_term=zeb`)).body.total_rooms).toBe(1)
    const members = await root.get(`${admin}/v1/rooms/${encodeURIComponent(roomId)}/members`)
    expect(members.body).toEqual({ members: ['@bea:test', '@root:test'], total: 2 })
    expect((await root.get(`${admin}/v1/federation/destinations`)).body).toEqual({ destinations: [], total: 0 })
    const reset = await root.post(`${admin}/v1/federation/destinations/elsewhere.example/reset_connection`)
    expect([reset.status, reset.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })
})

describe('locking and suspending', () => {
  const lock = '/_matrix/client/v1/admin/lock/@bea:test'

  test('a locked user can only log out, and comes back with all devices', async () => {
    await using hs = await startHomeserver({ users: ['root', 'bea'], admins: ['root'] })
    const [root, bea] = [hs.as('root'), hs.as('bea')]
    expect((await root.put(lock, { locked: true })).body).toEqual({ locked: true })
    const refused = await bea.get('/account/whoami')
    expect([refused.status, refused.body.errcode, refused.body.soft_logout]).toEqual([401, 'M_USER_LOCKED', true])
    expect((await root.get(lock)).body).toEqual({ locked: true })
    await root.put(lock, { locked: false })
    expect((await bea.get('/account/whoami')).status).toBe(200)
    await root.put(lock, { locked: true })
    expect((await bea.post('/logout')).status).toBe(200)
  })

  test('a suspended user is told so by the administrator’s endpoint', async () => {
    await using hs = await startHomeserver({ users: ['root', 'bea'], admins: ['root'] })
    const suspend = '/_matrix/client/v1/admin/suspend/@bea:test'
    expect((await hs.as('root').get(suspend)).body).toEqual({ suspended: false })
    expect((await hs.as('root').put(suspend, { suspended: true })).body).toEqual({ suspended: true })
    expect((await hs.as('bea').get(suspend)).status).toBe(403)
  })
})

test('health is for everybody, metrics for administrators and whoever has their token, wherever they are', async () => {
  const config = (tree: HomeserverConfig) => {
    tree.metrics.token = 'of-the-monitor'
  }
  await using hs = await startHomeserver({ users: ['root', 'bea'], admins: ['root'], config })
  const read = (token?: string) => hs.request('GET', '/metrics', { token })
  expect((await hs.request('GET', '/health')).body).toEqual({ status: 'ok' })
  expect((await read('of-the-monitor')).body.toString()).toContain(
    'hearth_http_requests_total{operation="readHealth",status="200"} 1',
  )
  expect((await read(hs.as('root').token)).status).toBe(200)
  expect((await read(hs.as('bea').token)).status).toBe(403)
  expect([(await read()).status, (await read()).body.errcode]).toEqual([401, 'M_MISSING_TOKEN'])
  for (const wrong of ['of-the-monito', 'of-the-monitors', 'x'])
    expect([(await read(wrong)).status, (await read(wrong)).body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
})

test('without a token in the configuration, metrics are for administrators alone', async () => {
  await using hs = await startHomeserver({ users: ['root'], admins: ['root'] })
  expect((await hs.request('GET', '/metrics', { token: 'undefined' })).status).toBe(401)
  expect((await hs.as('root').get('/metrics')).status).toBe(200)
})

describe('a server notice', () => {
  const notice = (user_id: string, body: string) => ({ user_id, content: { msgtype: 'm.text', body } })
  const url = `${admin}/v1/send_server_notice`
  const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`

  test('comes in a room of its own, marked as such, in which the server alone speaks', async () => {
    await using hs = await startHomeserver({ users: ['root', 'ana'], admins: ['root'] })
    const [root, ana] = [hs.as('root'), hs.as('ana')]
    // Two at once make one room.
    const sent = await Promise.all([
      root.post(url, notice(ana.userId, 'one')),
      root.post(url, notice(ana.userId, 'two')),
    ])
    expect(sent.map(({ status }) => status)).toEqual([200, 200])
    const { rooms, account_data: _ } = (await ana.get('/sync')).body
    const [roomId, ...others] = Object.keys(rooms.invite)
    expect(others).toEqual([])
    const state = rooms.invite[roomId!].invite_state.events as { type: string; sender: string }[]
    expect(new Set(state.map(({ sender }) => sender))).toEqual(new Set(['@hearth:test']))
    expect((await ana.get(`/user/${ana.userId}${path(roomId!, 'tags')}`)).body.tags).toEqual({ 'm.server_notice': {} })

    await ana.joinRoom(roomId!)
    expect((await ana.timeline(roomId!)).sort()).toEqual(['one', 'two'])
    const answer = await ana.put(path(roomId!, 'send/m.room.message/a1'), { msgtype: 'm.text', body: 'hello?' })
    expect(answer.body.errcode).toBe('M_FORBIDDEN')
    await root.post(url, { ...notice(ana.userId, ''), type: 'm.room.topic', state_key: '', content: { topic: 'News' } })
    expect((await ana.get(path(roomId!, 'state/m.room.topic/'))).body.topic).toBe('News')
  })

  test('cannot be declined; its room can be left, and the next one makes another', async () => {
    await using hs = await startHomeserver({ users: ['root', 'ana'], admins: ['root'] })
    const [root, ana] = [hs.as('root'), hs.as('ana')]
    await root.post(url, notice(ana.userId, 'hear me'))
    const [first] = Object.keys((await ana.get('/sync')).body.rooms.invite)
    for (const declined of [
      await ana.post(path(first!, 'leave')),
      await ana.put(path(first!, `state/m.room.member/${ana.userId}`), { membership: 'leave' }),
    ])
      expect([declined.status, declined.body.errcode]).toEqual([403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM'])
    // Other invitations can be, though they are by the same people.
    const asked = await root.createRoom({ invite: [ana.userId] })
    expect((await ana.post(path(asked, 'leave'))).status).toBe(200)

    await ana.joinRoom(first!)
    await ana.leaveRoom(first!)
    await root.post(url, notice(ana.userId, 'hear me again'))
    const invites = Object.keys((await ana.get('/sync')).body.rooms.invite)
    expect(invites).toHaveLength(1)
    expect(invites[0]).not.toBe(first)
    // Who closes the account is out of it all the same.
    expect((await root.post(`${admin}/v1/deactivate/${ana.userId}`)).status).toBe(200)
  })

  test('is for administrators to send, to users of this server, and is a message', async () => {
    await using hs = await startHomeserver({ users: ['root', 'ana', 'hearth'], admins: ['root'] })
    const [root, ana] = [hs.as('root'), hs.as('ana')]
    const errcode = async (body: object, client = root) => (await client.post(url, body)).body.errcode
    expect(await errcode(notice('@root:test', 'x'), ana)).toBe('M_FORBIDDEN')
    expect(await errcode(notice('@ana:elsewhere.example', 'x'))).toBe('M_INVALID_PARAM')
    expect(await errcode(notice('@nobody:test', 'x'))).toBe('M_NOT_FOUND')
    expect(await errcode({ user_id: '@ana:test', content: { body: 'x' } })).toBe('M_BAD_JSON')
    // A person has taken the name that the server speaks in: nothing is said in theirs.
    expect(await errcode(notice('@ana:test', 'x'))).toBe('M_USER_IN_USE')
  })
})
