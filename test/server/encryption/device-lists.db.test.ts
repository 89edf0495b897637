/** `device_lists` of /sync and /keys/changes: exactly who is to be looked at anew, and who no more. */
import { beforeAll, describe, expect, test } from 'vitest'
import { deviceListChanged } from '../../../server/encryption/device-list-changed.js'
import { makeForgetDeviceListChanges } from '../../../server/encryption/forget-device-list-changes.js'
import type { DeviceId, RoomId, UserId } from '../../../server/kernel/identifiers.js'
import { setDeviceListMark } from '../../../server/store/device-stream-store.js'
import { openTestDatabase } from '../../support/database.js'
import { user } from '../../support/rooms.js'
import { makeTestSyncing, type TestSyncing } from '../../support/syncing.js'

describe('device lists', async () => {
  const db = await openTestDatabase()
  /** `now` was there all the time; `later` remembers nothing, as after a restart. */
  let [now, later]: TestSyncing[] = []
  beforeAll(async () => {
    now = await makeTestSyncing(db)
  })
  let names = 0
  const newUser = (name: string) => user(`${name}${++names}`)
  const changeDevices = (userId: UserId) =>
    db.commit((grant) => {
      const told = deviceListChanged(grant, userId, ['DEV' as DeviceId])
      return { ...told, result: undefined }
    })
  const since = async (userId: UserId) => (await now!.device(userId).sync()).next_batch

  /** What both say happened to alice's lists meanwhile, by `/sync` and by `/keys/changes`. */
  async function lists(userId: UserId, from: string) {
    later = await makeTestSyncing(db)
    const sorted = (found: { changed: string[]; left: string[] } = { changed: [], left: [] }) => ({
      changed: [...found.changed].sort(),
      left: [...found.left].sort(),
    })
    const answers = []
    for (const hs of [now!, later]) {
      const answer = await hs.device(userId).sync({ since: from })
      answers.push(sorted(answer.device_lists))
      answers.push(sorted(await hs.operations.readKeyChanges(userId, from, answer.next_batch)))
    }
    for (const answer of answers) expect(answer).toEqual(answers[0])
    return answers[0]!
  }
  const sharedRoom = async (...users: UserId[]): Promise<RoomId> => {
    const roomId = await now!.createRoom({ creator: users[0]!, preset: 'public_chat' })
    for (const sender of users.slice(1)) await now!.joinRoom({ roomId, sender })
    return roomId
  }
  const nothing = { changed: [], left: [] }

  test('nothing where nothing moved', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await sharedRoom(ann, ben)
    const from = await since(ann)
    await now!.sendText(roomId, ben, 'hello')
    expect(await lists(ann, from)).toEqual(nothing)
  })

  test('other devices of who shares a room, oneself included, and of nobody else', async () => {
    const [ann, ben, eve] = [newUser('ann'), newUser('ben'), newUser('eve')]
    await sharedRoom(ann, ben)
    const from = await since(ann)
    for (const each of [ann, ben, eve]) await changeDevices(each)
    expect(await lists(ann, from)).toEqual({ changed: [ann, ben].sort(), left: [] })
  })

  test('who joins a room that one is in, and each of a room that one joins', async () => {
    const [ann, ben, carl] = [newUser('ann'), newUser('ben'), newUser('carl')]
    const roomId = await sharedRoom(ann, carl)
    const [ofAnn, ofBen] = [await since(ann), await since(ben)]
    await now!.joinRoom({ roomId, sender: ben })
    expect(await lists(ann, ofAnn)).toEqual({ changed: [ben], left: [] })
    expect(await lists(ben, ofBen)).toEqual({ changed: [ann, carl].sort(), left: [] })
  })

  test('a new name of a member, another or oneself, is no new device', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await sharedRoom(ann, ben)
    const from = await since(ann)
    for (const sender of [ann, ben])
      await now!.sendEvent(roomId, {
        ...{ type: 'm.room.member', sender, stateKey: sender },
        content: { membership: 'join', displayname: 'another' },
      })
    expect(await lists(ann, from)).toEqual(nothing)
  })

  test('who leaves the last room that is shared is left; who leaves one of two is not', async () => {
    const [ann, ben, carl] = [newUser('ann'), newUser('ben'), newUser('carl')]
    const roomId = await sharedRoom(ann, ben, carl)
    await sharedRoom(ann, carl)
    const from = await since(ann)
    for (const sender of [ben, carl]) await now!.leaveRoom({ roomId, sender })
    await changeDevices(ben)
    expect(await lists(ann, from)).toEqual({ changed: [], left: [ben] })
  })

  test('leaving a room oneself leaves who is in no other', async () => {
    const [ann, ben, carl] = [newUser('ann'), newUser('ben'), newUser('carl')]
    const roomId = await sharedRoom(ben, ann, carl)
    await sharedRoom(ann, carl)
    const from = await since(ann)
    await now!.leaveRoom({ roomId, sender: ann })
    expect(await lists(ann, from)).toEqual({ changed: [], left: [ben] })
  })

  test('who left and came back is to be looked at anew', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await sharedRoom(ann, ben)
    const from = await since(ann)
    await now!.leaveRoom({ roomId, sender: ben })
    await now!.joinRoom({ roomId, sender: ben })
    expect(await lists(ann, from)).toEqual({ changed: [ben], left: [] })
  })

  test('coming back oneself shows all of the room', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await sharedRoom(ben, ann)
    const from = await since(ann)
    await now!.leaveRoom({ roomId, sender: ann })
    await now!.joinRoom({ roomId, sender: ann })
    expect(await lists(ann, from)).toEqual({ changed: [ben], left: [] })
  })

  test('who came and went meanwhile is not worth a word', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    const roomId = await sharedRoom(ann)
    const from = await since(ann)
    await now!.joinRoom({ roomId, sender: ben })
    await now!.leaveRoom({ roomId, sender: ben })
    expect(await lists(ann, from)).toEqual(nothing)
  })

  test('who is put out of the room is left, and an invitation is no share in one', async () => {
    const [ann, ben, carl] = [newUser('ann'), newUser('ben'), newUser('carl')]
    const roomId = await sharedRoom(ann, ben)
    const from = await since(ann)
    await now!.kickUser({ roomId, sender: ann, target: ben })
    await now!.inviteUser({ roomId, sender: ann, target: carl })
    await changeDevices(carl)
    expect(await lists(ann, from)).toEqual({ changed: [], left: [ben] })
  })

  test('a waiting /sync is woken by the devices of who shares a room', async () => {
    const [ann, ben] = [newUser('ann'), newUser('ben')]
    await sharedRoom(ann, ben)
    const from = await since(ann)
    const waiting = now!.device(ann).sync({ since: from, timeoutMs: 10_000 })
    await changeDevices(ben)
    expect((await waiting).device_lists).toEqual({ changed: [ben], left: [] })
  })

  test('changes of who changed again are forgotten once other servers know; who asks late is told of each all the same', async () => {
    const [ann, ben, cem] = [newUser('ann'), newUser('ben'), newUser('cem')]
    await sharedRoom(ann, ben, cem)
    const from = await since(ann)
    for (const each of [ben, cem, ben, cem, ben]) await changeDevices(each)
    await db.commit((grant) => {
      const told = Array.from({ length: 1_200 }, () => deviceListChanged(grant, newUser('x'), []))
      return {
        writes: told.flatMap(({ writes }) => writes),
        changes: told.flatMap(({ changes }) => changes),
        result: undefined,
      }
    })
    const rowsOf = async (userId: UserId) =>
      (
        await db.query<[number[]]>('SELECT VALUE record::id(id) FROM device_list_change WHERE user_id = $userId', {
          userId,
        })
      )[0]
    const forget = makeForgetDeviceListChanges({ db })
    const setMark = (position: number) =>
      db.commit(() => ({ writes: [setDeviceListMark(position)], changes: [], result: undefined }))
    const [first] = (await rowsOf(ben)).sort((a, b) => a - b)

    await setMark(first!)
    await forget(100)
    expect(await rowsOf(ben)).toHaveLength(3)
    await setMark(db.position)
    while ((await forget(2)) >= 2);

    expect([await rowsOf(ben), await rowsOf(cem)].map(({ length }) => length)).toEqual([1, 1])
    expect(await lists(ann, from)).toEqual({ changed: [ben, cem].sort(), left: [] })
    expect(await forget(100)).toBe(0)
  })
})
