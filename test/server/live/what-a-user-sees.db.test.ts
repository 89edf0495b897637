/**
 * One table: what keeps an event from a user, or changes it for them, against every way to see it. Whoever adds a way or a
 * rule adds a column or a row.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../server/events/pdu.js'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, EventId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import type { RoomEventRow, RoomMemberRow, RoomSummaryRow } from '../../../server/kernel/live-rows.js'
import { makePushRules } from '../../../server/push/push-rules.js'
import { buildSyncing, type Syncing } from '../../../server/sync/build-syncing.js'
import { readRoomEventFilter } from '../../../server/sync/filter.js'
import { makeAccountData } from '../../../server/users/account-data.js'
import { silentLogger } from '../../support/database.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { user } from '../../support/rooms.js'

const [alice, bob, carol] = [user('alice'), user('bob'), user('carol')]
const never = new AbortController().signal

let hs: LiveServer
let syncing: Syncing
let accountData: ReturnType<typeof makeAccountData>
let pushRules: ReturnType<typeof makePushRules>
beforeAll(async () => {
  hs = await startLiveServer({ users: ['alice', 'bob', 'carol'] })
  accountData = makeAccountData({ db: hs.db })
  pushRules = makePushRules(accountData)
  syncing = buildSyncing({
    ...{ db: hs.db, rooms: hs.rooms.rooms, clock: systemClock, log: silentLogger },
    ...{ serverName: hs.rooms.signer.serverName, isErased: () => false, readFilter: accountData.readFilter },
    ...{ writeTyping() {}, deleteTyping() {}, writePresence() {}, deletePresence() {} },
    readPushRules: pushRules.readPushRules,
    changeAccountData: accountData.changeAccountData,
    onPutBack: async () => undefined,
    readRoomVisibility: async () => 'private',
  })
  hs.viewers.addChannel({ id: 'of bob', userId: bob, deviceId: 'D' as DeviceId })
})
afterAll(async () => {
  syncing.close()
  await hs[Symbol.asyncDispose]()
})

type Event = { event_id: EventId; type: string; content: JsonObject; unsigned?: JsonObject }
const isMessage = ({ type }: Event) => type === 'm.room.message'
/** `*` for a message without content; after a slash what the bundled edit says. */
function textOf({ content, unsigned }: Event): string {
  const relations = unsigned?.['m.relations'] as { 'm.replace'?: Event } | undefined
  const edit = relations?.['m.replace']?.content['m.new_content'] as { body?: string } | undefined
  return `${content.body ?? '*'}${edit ? `/${edit.body}` : ''}`
}
const textsOf = (events: readonly JsonObject[]) => (events as unknown as Event[]).filter(isMessage).map(textOf)

/** Everything that shows bob a room; `anchor` is a message of alice's that the others came around. */
async function seenByBob(roomId: RoomId, anchor: EventId) {
  const reader = { userId: bob, sid: hs.sidOf('bob'), roomId }
  const filter = readRoomEventFilter(undefined)
  const { operations } = syncing
  const sync = await operations.sync({
    ...{ userId: bob, deviceId: 'bob-device' as DeviceId, sid: reader.sid, fullState: false, useStateAfter: false },
    ...{ filter: JSON.stringify({ room: { rooms: [roomId], include_leave: true } }), setPresence: 'offline' },
    ...{ timeoutMs: 0, signal: never },
  })
  const rooms = (sync.rooms ?? {}) as Record<string, Record<string, { timeline: { events: JsonObject[] } }>>
  const messages = await operations.readMessages({ ...reader, direction: 'f', limit: 50, filter })
  const context = await operations.readEventContext({ ...reader, eventId: anchor, limit: 50, filter })
  const relations = await operations.readRelationsOf({ ...reader, eventId: anchor, direction: 'f', limit: 50 })
  await hs.settled()
  const session = await hs.sessions.openRecordSession(await hs.token('bob'))
  const [rows, lines] = await hs.sessions.query<[RoomEventRow[], RoomSummaryRow[]]>(
    session,
    'SELECT * FROM room_events:[$room, NONE]..[$room, ..]; SELECT * FROM room_summaries:[$bob, $room]',
    { bob, room: roomId },
  )
  const [line] = lines
  return {
    sync: textsOf((rooms.join?.[roomId] ?? rooms.leave?.[roomId])?.timeline.events ?? []),
    messages: textsOf(messages.chunk),
    context: textsOf([...context.events_before.toReversed(), context.event, ...context.events_after]),
    relations: textsOf(relations.chunk),
    rows: textsOf(rows.map(({ event }) => event as JsonObject)),
    preview: line?.last_event?.preview,
    count: (await syncing.unreadCounts.countUnread(bob, roomId)).notification_count,
    badge: line?.notification_count,
  }
}

const send = (roomId: RoomId, sender: UserId, body: string, more: object = {}) =>
  hs.rooms.sendEvent(roomId, { type: 'm.room.message', sender, content: { msgtype: 'm.text', body, ...more } })
const relation = (rel_type: string, event_id: EventId) => ({ 'm.relates_to': { rel_type, event_id } })
const edit = (roomId: RoomId, sender: UserId, of: EventId, body: string) =>
  send(roomId, sender, `* ${body}`, { 'm.new_content': { body }, ...relation('m.replace', of) })
const redact = (roomId: RoomId, sender: UserId, redacts: EventId) =>
  hs.rooms.sendEvent(roomId, { type: 'm.room.redaction', sender, content: { redacts }, redacts })
const ignore = (...users: UserId[]) =>
  accountData.setAccountData(bob, undefined, 'm.ignored_user_list', {
    ignored_users: Object.fromEntries(users.map((each) => [each, {}])),
  })

async function makeRoom(...members: UserId[]): Promise<RoomId> {
  const roomId = await hs.rooms.createRoom({ creator: alice, preset: 'public_chat', roomVersion: '11' })
  for (const sender of members) await hs.rooms.joinRoom({ roomId, sender })
  return roomId
}
type Scene = { roomId: RoomId; anchor: EventId }
/** A room of the three in which alice has spoken. */
async function scene(): Promise<Scene> {
  const roomId = await makeRoom(bob, carol)
  return { roomId, anchor: await send(roomId, alice, 'anchor') }
}
const all = (texts: string[]) => ({ sync: texts, messages: texts, context: texts, rows: texts })

const table: [rule: string, happens: () => Promise<Scene>, seen: Partial<Awaited<ReturnType<typeof seenByBob>>>][] = [
  [
    'nothing in the way',
    async () => {
      const { roomId, anchor } = await scene()
      await send(roomId, carol, 'reply', relation('m.thread', anchor))
      return { roomId, anchor }
    },
    { ...all(['anchor', 'reply']), relations: ['reply'], preview: 'reply', count: 2, badge: 2 },
  ],
  [
    'an ignored user: in the rows, which the window folds, and nowhere else',
    async () => {
      const { roomId, anchor } = await scene()
      await ignore(carol)
      await send(roomId, carol, 'ignored', relation('m.thread', anchor))
      return { roomId, anchor }
    },
    { ...all(['anchor']), rows: ['anchor', 'ignored'], relations: [], preview: 'anchor', count: 1, badge: 1 },
  ],
  [
    'oneself in the list of those one ignores: hides nothing',
    async () => {
      const { roomId, anchor } = await scene()
      await ignore(bob)
      await send(roomId, bob, 'own', relation('m.reference', anchor))
      return { roomId, anchor }
    },
    { ...all(['anchor', 'own']), relations: ['own'], preview: 'own', count: 0, badge: 0 },
  ],
  [
    'a muted room: shown, and not counted',
    async () => {
      const { roomId, anchor } = await scene()
      await pushRules.setPushRule(bob, 'room', roomId, { actions: [] }, {})
      await send(roomId, carol, 'muted')
      return { roomId, anchor }
    },
    { ...all(['anchor', 'muted']), preview: 'muted', count: 0, badge: 0 },
  ],
  [
    'history that is for those who were there',
    async () => {
      const roomId = await makeRoom(carol)
      const content = { history_visibility: 'joined' }
      await hs.rooms.sendEvent(roomId, { type: 'm.room.history_visibility', stateKey: '', sender: alice, content })
      const before = await send(roomId, alice, 'before')
      await hs.rooms.joinRoom({ roomId, sender: bob })
      const anchor = await send(roomId, alice, 'anchor')
      await edit(roomId, alice, before, 'an edit of what was before')
      return { roomId, anchor }
    },
    { ...all(['anchor', '* an edit of what was before']), preview: 'anchor', count: 1, badge: 1 },
  ],
  [
    'a redaction',
    async () => {
      const { roomId, anchor } = await scene()
      await redact(roomId, carol, await send(roomId, carol, 'gone', relation('m.thread', anchor)))
      return { roomId, anchor }
    },
    { ...all(['anchor', '*']), relations: [], preview: 'anchor', count: 1, badge: 1 },
  ],
  [
    'an edit, by its sender and by another',
    async () => {
      const { roomId, anchor } = await scene()
      await edit(roomId, alice, anchor, 'edited')
      await edit(roomId, carol, anchor, 'forged')
      return { roomId, anchor }
    },
    {
      ...all(['anchor/edited', '* edited', '* forged']),
      ...{ relations: ['* edited', '* forged'], rows: ['anchor', '* edited', '* forged'] },
      ...{ preview: 'edited', count: 1, badge: 1 },
    },
  ],
  [
    'an edit that is redacted',
    async () => {
      const { roomId, anchor } = await scene()
      await edit(roomId, alice, anchor, 'edited')
      await redact(roomId, alice, await edit(roomId, alice, anchor, 'edited again'))
      return { roomId, anchor }
    },
    { messages: ['anchor/edited', '* edited', '*'], relations: ['* edited'], preview: 'edited' },
  ],
  [
    'having left: nothing of what came after',
    async () => {
      const { roomId, anchor } = await scene()
      await hs.rooms.leaveRoom({ roomId, sender: bob })
      await edit(roomId, alice, anchor, 'edited later')
      await send(roomId, carol, 'later', relation('m.thread', anchor))
      return { roomId, anchor }
    },
    { ...all(['anchor']), relations: [], preview: 'anchor', badge: 0 },
  ],
]

test.each(table)('%s', async (_, happens, seen) => {
  await ignore()
  const { roomId, anchor } = await happens()

  expect(await seenByBob(roomId, anchor)).toMatchObject(seen)
})

test('the state that an ignored user sets is shown: the room depends on it', async () => {
  const { roomId, anchor } = await scene()
  await ignore(carol)
  const content = { membership: 'join', displayname: 'another name' }
  const member = { type: 'm.room.member', stateKey: carol, sender: carol, content }
  const eventId = await hs.rooms.sendEvent(roomId, member)

  const reader = { userId: bob, sid: hs.sidOf('bob'), roomId }
  const filter = readRoomEventFilter(undefined)
  const messages = await syncing.operations.readMessages({ ...reader, direction: 'b', limit: 50, filter })
  const context = await syncing.operations.readEventContext({ ...reader, eventId: anchor, limit: 50, filter })

  for (const events of [messages.chunk, context.events_after])
    expect(events.map(({ event_id }) => event_id)).toContain(eventId)
})

describe('lists', () => {
  const lineOf = async (roomId: RoomId) => {
    await hs.settled()
    const [lines] = await hs.db.query<[RoomSummaryRow[]]>('SELECT * FROM room_summaries:[$bob, $room]', {
      ...{ bob, room: roomId },
    })
    return lines[0]
  }
  const invitesOf = async (since?: string) => {
    const answer = await syncing.operations.sync({
      ...{ userId: bob, deviceId: 'bob-device' as DeviceId, sid: 'sid', fullState: false, useStateAfter: false },
      ...{ setPresence: 'offline', timeoutMs: 0, signal: never, since },
    })
    const rooms = answer.rooms as { invite?: Record<string, unknown> } | undefined
    return { invites: Object.keys(rooms?.invite ?? {}), next: answer.next_batch }
  }

  test('an invitation by an ignored user is in no list, and comes when they are ignored no more', async () => {
    await ignore(carol)
    const roomId = await hs.rooms.createRoom({ creator: carol, preset: 'private_chat' })
    await hs.rooms.inviteUser({ roomId, sender: carol, target: bob })

    const before = await invitesOf()
    expect(before.invites).not.toContain(roomId)
    expect(await lineOf(roomId)).toBeUndefined()

    await ignore()
    expect((await invitesOf(before.next)).invites).toContain(roomId)
    expect(await lineOf(roomId)).toMatchObject({ membership: 'invite' })
    await ignore(carol)
    expect(await lineOf(roomId)).toBeUndefined()
  })

  test('a name, a topic and a picture that are redacted are gone from the line of the room', async () => {
    const roomId = await makeRoom(bob)
    const set = (type: string, content: Record<string, unknown>) =>
      hs.rooms.sendEvent(roomId, { type, stateKey: '', sender: alice, content })
    const events = [
      await set('m.room.name', { name: 'Rude name' }),
      await set('m.room.topic', { topic: 'rude topic' }),
      await set('m.room.avatar', { url: 'mxc://hearth.test/rude' }),
    ]
    expect(await lineOf(roomId)).toMatchObject({ name: 'Rude name', topic: 'rude topic' })

    for (const eventId of events) await redact(roomId, alice, eventId)

    const line = await lineOf(roomId)
    expect(line?.name).toBe('alice')
    expect([line?.topic, line?.avatar_url]).toEqual([undefined, undefined])
  })

  test('a redacted member event takes the name away from the members and from a room that is called after them', async () => {
    const roomId = await makeRoom(bob)
    expect((await lineOf(roomId))?.name).toBe('alice')
    const member = (await hs.rooms.rooms.readMember((await hs.rooms.rooms.get(roomId))!, alice))!

    await redact(roomId, alice, member.eventId)

    expect((await lineOf(roomId))?.name).toBe(alice)
    const [rows] = await hs.db.query<[RoomMemberRow[]]>('SELECT * FROM room_members:[$room, $alice]', {
      ...{ room: roomId, alice },
    })
    expect(rows[0]).toMatchObject({ membership: 'join' })
    expect(rows[0]).not.toHaveProperty('displayname')
  })
})
