/** The PERMISSIONS of the live tables against the TypeScript rule, under two users' own record sessions. */
import fc from 'fast-check'
import { RecordId } from 'surrealdb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boundsOf, isInSight } from '../../../server/live/projector/visibility.js'
import type { RecordSession } from '../../../server/store/sessions.js'
import { upsertRow, type Write } from '../../../server/store/writes.js'
import { notificationsOf, settle } from '../../support/engine-sessions.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'
import { histories, mayAccordingToSpec, type Step, visibilities } from './membership-histories.js'

const [alice, bob] = [user('alice'), user('bob')]
let hs: LiveServer
const sessions = new Map<string, RecordSession>()
beforeAll(async () => {
  hs = await startLiveServer()
  for (const name of ['alice', 'bob'])
    sessions.set(user(name), await hs.sessions.openRecordSession(await hs.token(name)))
})
afterAll(() => hs[Symbol.asyncDispose]())

const readAs = async <Row>(userId: string, sql: string, bindings: Record<string, unknown> = {}): Promise<Row[]> => {
  const [rows] = await hs.sessions.query<[Row[]]>(sessions.get(userId)!, sql, bindings)
  return rows
}

const lastSeq = 42
function roomRows(roomId: string, visibility: string): Write[] {
  return Array.from({ length: lastSeq + 4 }, (_, i) => i - 3).map((seq) =>
    upsertRow('room_events', { id: [roomId, seq], room_id: roomId, seq, visibility }),
  )
}
const accessRow = (roomId: string, userId: string, steps: readonly Step[]) =>
  upsertRow('room_access', {
    id: [roomId, userId],
    membership: steps.at(-1)?.membership ?? 'leave',
    ...boundsOf(steps),
  })

describe('room_events', () => {
  test('each user is given what the rule says, whatever both have been through', async () => {
    const cases = fc.sample(fc.tuple(histories, histories), { numRuns: 40, seed: 7 })
    const rooms = cases.flatMap(([ofAlice, ofBob], n) =>
      visibilities.map((visibility) => ({ roomId: `!${n}${visibility}:x`, visibility, ofAlice, ofBob })),
    )
    for (const { roomId, visibility, ofAlice, ofBob } of rooms)
      await hs.db.live.writeLive(
        [...roomRows(roomId, visibility), accessRow(roomId, alice, ofAlice), accessRow(roomId, bob, ofBob)],
        { silent: true },
      )

    for (const { roomId, visibility, ofAlice, ofBob } of rooms)
      for (const [userId, steps] of [
        [alice, ofAlice],
        [bob, ofBob],
      ] as const) {
        const rows = await readAs<{ seq: number }>(userId, 'SELECT seq FROM room_events:[$room, -3]..=[$room, $to]', {
          room: roomId,
          to: lastSeq,
        })
        const all = Array.from({ length: lastSeq + 4 }, (_, i) => i - 3)
        const expected = all.filter((seq) => isInSight(boundsOf(steps), visibility, seq))
        expect(
          rows.map(({ seq }) => seq),
          `${userId} in ${roomId}: ${JSON.stringify(steps)}`,
        ).toEqual(expected)
        for (const seq of expected) expect(mayAccordingToSpec(steps, visibility, seq)).toBe(true)
      }
  })

  test('without a row of their own nobody sees anything, not even what the world may read', async () => {
    await hs.db.live.writeLive([
      ...roomRows('!stranger:x', 'world_readable'),
      accessRow('!stranger:x', alice, [{ membership: 'join', seq: 1 }]),
    ])

    expect(await readAs(bob, "SELECT * FROM room_events:['!stranger:x', NONE]..['!stranger:x', ..]")).toEqual([])
    expect(await readAs(alice, "SELECT * FROM room_events:['!stranger:x', NONE]..['!stranger:x', ..]")).toHaveLength(46)
  })
})

describe('the other tables, from both sides', () => {
  const room = '!tables:x'
  beforeAll(async () => {
    const both = [alice, bob]
    await hs.db.live.writeLive([
      accessRow(room, alice, [{ membership: 'join', seq: 1 }]),
      accessRow(room, bob, [{ membership: 'invite', seq: 2 }]),
      ...both.flatMap((userId) => [
        upsertRow('room_members', { id: [room, userId], user_id: userId, room_id: room }),
        upsertRow('room_summaries', { id: [userId, room], user_id: userId, room_id: room }),
        upsertRow('typing_events', { id: [room, userId], room_id: room, user_id: userId }),
        upsertRow('user_presence', { id: userId, user_id: userId, presence: 'online' }),
        upsertRow('account_data', { id: [userId, '', 'm.direct'], user_id: userId, type: 'm.direct' }),
        upsertRow('live_subscriptions', { id: `of ${userId}`, user_id: userId }),
        ...['m.read', 'm.read.private'].map((type) =>
          upsertRow('receipts', { id: [room, type, '', userId], room_id: room, user_id: userId, receipt_type: type }),
        ),
      ]),
      upsertRow('server_metrics', { id: 'now', ts: 1 }),
      upsertRow('federation_traffic', { id: 'x.example', destination: 'x.example' }),
    ])
  })
  const users = async (userId: string, table: string) =>
    (await readAs<{ user_id: string }>(userId, `SELECT user_id FROM ${table}`)).map((row) => row.user_id).sort()

  test('members see each other, the invited see themselves', async () => {
    const members = `room_members:['${room}', NONE]..['${room}', ..]`
    expect(await users(alice, members)).toEqual([alice, bob])
    expect(await users(bob, members)).toEqual([bob])
  })

  test('room lists, account data and live queries are their own', async () => {
    for (const table of ['room_summaries', 'account_data', 'live_subscriptions'])
      for (const userId of [alice, bob]) expect(await users(userId, table)).toEqual([userId])
  })

  test('typing is for the joined', async () => {
    expect(await users(alice, 'typing_events')).toEqual([alice, bob])
    expect(await users(bob, 'typing_events')).toEqual([])
  })

  test('private receipts are their own, public ones those of their rooms', async () => {
    const receipts = `SELECT user_id, receipt_type FROM receipts:['${room}', NONE]..['${room}', ..]`
    expect(await readAs(alice, receipts)).toEqual([
      { user_id: alice, receipt_type: 'm.read' },
      { user_id: bob, receipt_type: 'm.read' },
      { user_id: alice, receipt_type: 'm.read.private' },
    ])
    expect(await readAs(bob, receipts)).toEqual([
      { user_id: bob, receipt_type: 'm.read' },
      { user_id: bob, receipt_type: 'm.read.private' },
    ])
  })

  test('presence is shown to who shares a room', async () => {
    expect(await users(alice, 'user_presence')).toEqual([alice])

    await hs.db.live.writeLive([upsertRow('presence_access', { id: [alice, bob], readable: true })])

    expect(await users(alice, 'user_presence')).toEqual([alice, bob])
    expect(await users(bob, 'user_presence')).toEqual([bob])
  })

  test('the machine itself is for admins', async () => {
    for (const table of ['server_metrics', 'federation_traffic'])
      expect(await readAs(alice, `SELECT * FROM ${table}`)).toEqual([])
    await hs.addUser('root', true)
    sessions.set('root', await hs.sessions.openRecordSession(await hs.token('root')))

    expect(await readAs('root', 'SELECT * FROM server_metrics')).toHaveLength(1)
    expect(await readAs('root', 'SELECT * FROM federation_traffic')).toHaveLength(1)
    expect(await readAs('root', 'SELECT * FROM live_subscriptions')).toHaveLength(2)
    expect(await readAs('root', 'SELECT * FROM room_summaries')).toEqual([])
  })

  test('nothing can be written, and tables that are not listed are empty', async () => {
    await readAs(alice, `UPDATE room_access SET membership = 'join', shared_to = 9007199254740991`)
    await readAs(bob, `UPDATE room_access SET membership = 'join', shared_to = 9007199254740991`)
    await readAs(alice, `CREATE presence_access:['${alice}', '@carol:hearth.test'] SET readable = true`)
    await readAs(alice, `CREATE room_summaries:['${alice}', '!x'] SET user_id = '${alice}'`)

    expect(await users(bob, `room_members:['${room}', NONE]..['${room}', ..]`)).toEqual([bob])
    expect(await users(alice, 'room_summaries')).toEqual([alice])
    for (const table of ['access_token', 'user_credential', 'event', 'timeline', 'state', 'feed', 'projection', 'node'])
      expect(await readAs(alice, `SELECT * FROM ${table}`)).toEqual([])
  })

  test('a stranger learns nothing through links, counts, subqueries or live queries', async () => {
    const own = { id: [bob, '!own:x'], user_id: bob, room_id: '!own:x', topic: 'mine' }
    const bindings = { secret: new RecordId('room_events', ['!stranger:x', 5]) }
    const conditions = [
      '$secret.seq = 5',
      "type::record('room_events', ['!stranger:x', 5]).seq = 5",
      "(SELECT VALUE seq FROM room_events:['!stranger:x', 1]..['!stranger:x', 9]) != []",
    ]
    await hs.db.live.writeLive([upsertRow('room_summaries', own)])

    for (const condition of conditions)
      expect(await readAs(bob, `SELECT * FROM room_summaries WHERE ${condition}`, bindings), condition).toEqual([])
    expect(await readAs(bob, 'SELECT VALUE seq FROM $secret WHERE true', bindings)).toEqual([])
    const all = "room_events:['!stranger:x', NONE]..['!stranger:x', ..]"
    expect(await readAs(bob, `SELECT count() FROM ${all} GROUP ALL`)).toEqual([{ count: 0 }])
    expect(await readAs(alice, `SELECT count() FROM ${all} GROUP ALL`)).toEqual([{ count: 46 }])
    for (const condition of conditions.slice(0, 2)) {
      const heard = notificationsOf(hs.db)
      const [id] = await hs.sessions.query<[unknown]>(
        sessions.get(bob)!,
        `LIVE SELECT * FROM room_summaries WHERE ${condition}`,
        bindings,
      )
      await hs.db.live.writeLive([upsertRow('room_summaries', { ...own, topic: condition })])
      await settle()
      const rows = heard.filter(({ action }) => action !== 'KILLED') // the end of the query before
      expect(rows, condition).toEqual([])
      await hs.db.query('KILL $id', { id })
    }
  })

  test('after the login session is ended in the table, its session sees nothing more', async () => {
    const carol = await hs.addUser('carol')
    const session = await hs.sessions.openRecordSession(await hs.token('carol'))
    await hs.db.live.writeLive([upsertRow('room_summaries', { id: [carol, room], user_id: carol, room_id: room })])
    expect((await hs.sessions.query<[unknown[]]>(session, 'SELECT * FROM room_summaries'))[0]).toHaveLength(1)

    await hs.db.query("UPDATE type::record('login_session', $sid) SET active = false", { sid: hs.sidOf('carol') })

    expect((await hs.sessions.query<[unknown[]]>(session, 'SELECT * FROM room_summaries'))[0]).toEqual([])
  })
})
