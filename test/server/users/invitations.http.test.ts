/** Invitations: an administrator makes one, somebody without an account comes in by it and is in the room. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../server/kernel/clock.js'
import { MatrixError } from '../../../server/kernel/errors.js'
import type { RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { readRoomEntries, setRoomEntry } from '../../../server/store/registration-token-store.js'
import { makeInvitations } from '../../../server/users/invitations.js'
import { startChild } from '../../support/child.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { type HeadlessServer, startHeadless } from '../../support/headless-child.js'
import {
  type Answer,
  startHomeserver,
  type TestHomeserver,
  type TestHomeserverOptions,
} from '../../support/homeserver.js'

const invitations = '/_hearth/admin/v1/invitations'
const day = 24 * 60 * 60_000

/** A server that takes nobody but who is invited; ana runs it, bo does not. */
const startFamily = (options: TestHomeserverOptions = {}): Promise<TestHomeserver> =>
  startHomeserver({ users: ['ana'], admins: ['ana'], ...options, config: closed })
const closed: TestHomeserverOptions['config'] = ({ registration }) =>
  Object.assign(registration, { enabled: false, dummy_flow: false })

async function invite(hs: TestHomeserver, body: object = {}): Promise<{ token: string; id: string }> {
  const made = await hs.as('ana').post(invitations, { expires_in_ms: day, ...body })
  if (made.status !== 200) throw new Error(JSON.stringify(made.body))
  return { token: made.body.token, id: made.body.invitation.id }
}

/** As any Matrix client does it: asks what is wanted, then shows the token. */
async function register(hs: TestHomeserver, username: string, token: string): Promise<Answer> {
  const account = { username, password: 'a long way home' }
  const asked = await hs.request('POST', '/register', { body: account })
  if (asked.status !== 401) return asked
  const auth = { type: 'm.login.registration_token', token, session: asked.body.session }
  return hs.request('POST', '/register', { body: { ...account, auth } })
}

const joinedRooms = async (hs: TestHomeserver, answer: Answer) =>
  (await hs.request('GET', '/joined_rooms', { token: answer.body.access_token })).body.joined_rooms

describe('an invitation', () => {
  test('lets somebody in where nobody else can register, and into the room', async () => {
    await using hs = await startFamily()
    const kitchen = await hs.as('ana').createRoom({ preset: 'private_chat', name: 'Kitchen' })
    expect((await register(hs, 'early', 'guess')).body.errcode).toBe('M_FORBIDDEN')
    const { token } = await invite(hs, { room_ids: [kitchen], label: 'Bo' })

    const bo = await register(hs, 'bo', token)

    expect(bo.status).toBe(200)
    expect(await joinedRooms(hs, bo)).toEqual([kitchen])
    expect((await hs.as('ana').get(invitations)).body.invitations).toEqual([])
    expect((await register(hs, 'second', token)).body.errcode).toBe('M_FORBIDDEN')
  })

  test('says to its holder what it is to, and to nobody else', async () => {
    await using hs = await startFamily()
    const kitchen = await hs.as('ana').createRoom({ preset: 'private_chat', name: 'Kitchen' })
    const { token } = await invite(hs, { room_ids: [kitchen] })
    const read = (shown: string) => hs.request('POST', '/_hearth/client/v1/invitation', { body: { token: shown } })

    expect((await read(token)).body).toMatchObject({
      server_name: 'test',
      inviter: { user_id: '@ana:test', displayname: 'ana' },
      rooms: [{ room_id: kitchen, name: 'Kitchen' }],
    })
    expect((await read(`${token.slice(0, -1)}_`)).body.errcode).toBe('M_NOT_FOUND')
  })

  test('for one makes one account, however many come at once', async () => {
    await using hs = await startFamily()
    const { token } = await invite(hs)
    const sessions = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const body = { username: `guest${i}`, password: 'a long way home' }
        return { body, session: (await hs.request('POST', '/register', { body })).body.session }
      }),
    )

    const answers = await Promise.all(
      sessions.map(({ body, session }) =>
        hs.request('POST', '/register', {
          body: { ...body, auth: { type: 'm.login.registration_token', token, session } },
        }),
      ),
    )

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) if (status !== 200) expect(body.errcode).toBe('M_FORBIDDEN')
    const { total } = (await hs.as('ana').get('/_synapse/admin/v2/users')).body
    expect(total).toBe(2)
  })

  test('is over at its time, and when it is taken back', async () => {
    const clock = fakeClock()
    await using hs = await startFamily({ clock })
    const { token } = await invite(hs, { expires_in_ms: day })
    const { token: other, id } = await invite(hs, { expires_in_ms: 2 * day })
    clock.jump(day)
    const listed = (await hs.as('ana').get(invitations)).body.invitations as { id: string }[]
    expect(listed.map((each) => each.id)).toEqual([id])
    expect((await register(hs, 'late', token)).body.errcode).toBe('M_FORBIDDEN')

    expect((await hs.as('ana').delete(`${invitations}/${id}`)).status).toBe(200)

    expect((await register(hs, 'late', other)).body.errcode).toBe('M_FORBIDDEN')
    expect((await hs.as('ana').delete(`${invitations}/${id}`)).body.errcode).toBe('M_NOT_FOUND')
  })

  test('is made, seen and taken back by administrators alone', async () => {
    await using hs = await startFamily()
    const bo = await register(hs, 'bo', (await invite(hs)).token)
    const { id } = await invite(hs)
    const as = { token: bo.body.access_token }

    const answers = await Promise.all([
      hs.request('GET', invitations, as),
      hs.request('POST', invitations, { ...as, body: { expires_in_ms: day } }),
      hs.request('DELETE', `${invitations}/${id}`, as),
    ])

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403])
  })

  test('leads into no room that its maker may not invite to', async () => {
    await using hs = await startFamily()
    const bo = await register(hs, 'bo', (await invite(hs)).token)
    const own = await hs.request('POST', '/createRoom', { token: bo.body.access_token, body: {} })

    const refused = await hs.as('ana').post(invitations, { expires_in_ms: day, room_ids: [own.body.room_id] })

    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  test('to a room that its maker has left still makes the account', async () => {
    await using hs = await startFamily()
    const kitchen = await hs.as('ana').createRoom({ preset: 'private_chat' })
    const { token } = await invite(hs, { room_ids: [kitchen] })
    await hs.as('ana').leaveRoom(kitchen)

    const bo = await register(hs, 'bo', token)

    expect(bo.status).toBe(200)
    expect(await joinedRooms(hs, bo)).toEqual([])
  })

  test('is in no line of the log', async () => {
    const lines: string[] = []
    await using hs = await startFamily({ log: (line) => void lines.push(line) })
    const { token } = await invite(hs)
    await hs.request('POST', '/_hearth/client/v1/invitation', { body: { token } })
    await register(hs, 'bo', token)
    const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
    await hs.request('GET', `${validity}?token=${token}`)

    expect(lines.length).toBeGreaterThan(0)
    expect(lines.filter((line) => line.includes(token))).toEqual([])
  })
})

describe('the room of an invitation', () => {
  const bo = '@bo:test' as UserId
  const ana = '@ana:test' as UserId
  const kitchen = '!kitchen' as RoomId

  function needs(db: Parameters<typeof makeInvitations>[0]['db'], join: () => Promise<void>) {
    const steps: string[] = []
    const memberships = new Map<RoomId, { membership: string }>()
    const invited = makeInvitations({
      ...{ db, clock: systemClock, logger: silentLogger },
      tokens: { readInvitation: async () => undefined },
      mayInvite: async () => true,
      membershipsOf: async () => memberships,
      async inviteUser({ sender, target }) {
        steps.push(`${sender} invites ${target}`)
        memberships.set(kitchen, { membership: 'invite' })
      },
      async joinRoom({ sender }) {
        await join()
        steps.push(`${sender} joins`)
        memberships.set(kitchen, { membership: 'join' })
      },
    })
    return { invited, steps, memberships }
  }
  const entry = setRoomEntry({ user_id: bo, room_ids: [kitchen], inviter: ana })

  test('is entered later where the server stopped between the invite and the join', async () => {
    await using db = await openTestDatabase()
    await db.commit(() => ({ writes: [entry], changes: [], result: undefined }))
    let isStopped = true
    const { invited, steps } = needs(db, async () => {
      if (isStopped) throw new Error('the process ends')
    })
    await invited.enterRooms(bo)
    expect(await readRoomEntries(db)).toHaveLength(1)
    isStopped = false

    await invited.resumeRoomEntries()

    expect(steps).toEqual([`${ana} invites ${bo}`, `${bo} joins`])
    expect(await readRoomEntries(db)).toEqual([])
  })

  test('is not entered a second time by whoever left it since', async () => {
    await using db = await openTestDatabase()
    await db.commit(() => ({ writes: [entry], changes: [], result: undefined }))
    const { invited, steps, memberships } = needs(db, async () => {})
    memberships.set(kitchen, { membership: 'leave' })

    await invited.resumeRoomEntries()

    expect(steps).toEqual([])
    expect(await readRoomEntries(db)).toEqual([])
  })

  test('that lets nobody in is given up', async () => {
    await using db = await openTestDatabase()
    await db.commit(() => ({ writes: [entry], changes: [], result: undefined }))
    const { invited } = needs(db, async () => {
      throw new MatrixError(403, 'M_FORBIDDEN', 'No.')
    })

    await invited.enterRooms(bo)

    expect(await readRoomEntries(db)).toEqual([])
  })

  test('is entered by the next start of a server that was killed before', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
    const first = (await startHeadless(dataDir)) as HeadlessServer
    const call = caller(first.url)
    const anaLogin = await call('POST', '/register', { ...account('ana'), auth: { type: 'm.login.dummy' } })
    const boLogin = await call('POST', '/register', { ...account('bo'), auth: { type: 'm.login.dummy' } })
    const { room_id } = await call('POST', '/createRoom', { preset: 'private_chat' }, anaLogin.access_token)
    await first.child.kill()
    const row = { user_id: boLogin.user_id, room_ids: [room_id], inviter: anaLogin.user_id }
    expect(await startChild(new URL('./children/note-room-entry.ts', import.meta.url), { dataDir, row }).ended).toBe(0)

    const second = (await startHeadless(dataDir)) as HeadlessServer

    await expect
      .poll(
        async () => (await caller(second.url)('GET', '/joined_rooms', undefined, boLogin.access_token)).joined_rooms,
        { timeout: 20_000 },
      )
      .toEqual([room_id])
    await second.child.kill()
    await rm(dataDir, { recursive: true, force: true })
  }, 90_000)
})

const account = (username: string) => ({ username, password: 'a long way home' })

type Json = { user_id: UserId; access_token: string; room_id: RoomId; joined_rooms: RoomId[] }
const caller =
  (url: string) =>
  async (method: string, path: string, body?: object, token?: string): Promise<Json> => {
    const answer = await fetch(new URL(`_matrix/client/v3${path}`, url), {
      method,
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return (await answer.json()) as Json
  }
