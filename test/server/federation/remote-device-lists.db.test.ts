/** Device lists of other servers' users: when they are answered from what is kept, and what makes that other or void. */
import { describe, expect, test } from 'vitest'
import type { QueriedKeys } from '../../../server/encryption/query-keys.js'
import type { JsonObject } from '../../../server/events/pdu.js'
import type { FederationClient } from '../../../server/federation/federation-client.js'
import { FederationError } from '../../../server/federation/federation-error.js'
import { makeReceiveLastingEdus } from '../../../server/federation/receive-lasting-edus.js'
import { deviceListLimits, makeRemoteDeviceLists } from '../../../server/federation/remote-device-lists.js'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, RoomId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import type { Room, RoomMembership } from '../../../server/rooms/room.js'
import { readUsersWithDeviceLists } from '../../../server/store/remote-device-store.js'
import type { Change } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { user } from '../../support/rooms.js'

const origin = 'other.test' as ServerName
const [eve, bob] = [user('eve', origin), user('bob')]
const roomId = '!room:other.test' as RoomId

const deviceKeys = (device: string, body = 'key', owner: UserId = eve): JsonObject => ({
  ...{ user_id: owner, device_id: device, algorithms: ['a'] },
  ...{ keys: { [`ed25519:${device}`]: body }, signatures: { [owner]: { [`ed25519:${device}`]: 'sig' } } },
})
const crossKey = (usage: string, key: string): JsonObject => ({
  ...{ user_id: eve, usage: [usage], keys: { [`ed25519:${key}`]: key } },
})
const update = (device_id: string, stream_id: number, prev_id: number[], more: object = {}) => ({
  edu_type: 'm.device_list_update',
  content: { user_id: eve, device_id, stream_id, prev_id, keys: deviceKeys(device_id), ...more },
})

describe('the device list of a user of another server', async () => {
  const db = await openTestDatabase()

  async function setUp() {
    await db.query('DELETE remote_device_list')
    const state = {
      isShared: true,
      isAway: false,
      /** What the other server says. */
      devices: { A: deviceKeys('A') } as Record<string, JsonObject>,
      streamId: 5,
      hold: undefined as Promise<void> | undefined,
      isHeld: (): void => undefined,
    }
    const asked: string[] = []
    const answerNow = async <T>(what: string, answer: () => T): Promise<T> => {
      asked.push(what)
      if (state.isAway) throw new FederationError(origin, 'connect', 'is away')
      const told = answer()
      if (state.hold) {
        state.isHeld()
        await state.hold
      }
      return told
    }
    const room = () => ({ localMembers: new Map([[bob, state.isShared ? 'join' : 'leave']]) })
    const begin = () =>
      makeRemoteDeviceLists({
        ...{ db, log: silentLogger, serverName: 'hearth.test' as ServerName },
        rooms: {
          get: async () => ({ ...room(), localJoinedCount: state.isShared ? 1 : 0 }) as unknown as Room,
          membershipsOf: async () => new Map([[roomId, { roomId, membership: 'join' } as RoomMembership]]),
          readServers: async () => new Map([[origin, 1]]),
        },
        client: {
          request: () =>
            answerNow('devices', () => ({
              ...{ user_id: eve, stream_id: state.streamId },
              devices: Object.entries(state.devices).map(([device_id, keys]) => ({ device_id, keys })),
            })),
        } as unknown as FederationClient,
        askServers: async (wanted) => {
          const answer: QueriedKeys & { failures: Record<string, JsonObject> } = {
            ...{ device_keys: {}, master_keys: {}, self_signing_keys: {}, failures: {} },
          }
          try {
            const devices = await answerNow(`query ${[...wanted.values()].flat().join()}`, () => ({ ...state.devices }))
            for (const userId of wanted.keys()) answer.device_keys[userId] = devices
          } catch {
            answer.failures[origin] = {}
          }
          return answer
        },
      })
    let lists = begin()
    const receive = (...edus: unknown[]) =>
      makeReceiveLastingEdus({
        ...{ db, clock: systemClock, log: silentLogger, takeUpdates: lists.takeUpdates },
        deliverToDevices: async () => undefined as never,
        isShared: async () => state.isShared,
      })(origin, edus)
    const query = async (...devices: string[]) => {
      const answer = await lists.askForKeys(new Map([[eve, devices as DeviceId[]]]), 1_000)
      return Object.keys(answer.device_keys[eve] ?? {}).sort()
    }
    /** All that is under way has come to its end. */
    const settled = () => lists.close()
    const rows = () => readUsersWithDeviceLists(db, 10)
    return {
      ...{ state, asked, receive, query, settled, rows },
      get lists() {
        return lists
      },
      restart() {
        lists = begin()
      },
      /** The list is here, with its place in the stream. */
      async follow() {
        await query()
        await settled()
        await receive(update('A', state.streamId, [state.streamId - 1]))
        await settled()
        asked.length = 0
      },
    }
  }

  test('is asked for once, and answered from then on: in part, after a restart, and while the server is away', async () => {
    const world = await setUp()
    world.state.devices.B = deviceKeys('B')
    expect(await world.query('A')).toEqual(['A'])
    await world.settled()
    world.state.isAway = true
    expect(await world.query()).toEqual(['A', 'B'])
    world.restart()
    expect(await world.query('B', 'C')).toEqual(['B'])
    expect(world.asked).toEqual(['query '])
  })

  test('moves with each update that stands on the one before', async () => {
    const world = await setUp()
    await world.follow()
    await world.receive(
      update('B', 6, [5]),
      update('C', 7, [6]),
      update('A', 8, [7], { deleted: true, keys: undefined }),
    )
    expect(await world.query()).toEqual(['B', 'C'])
    await world.receive({
      edu_type: 'm.signing_key_update',
      content: { user_id: eve, master_key: crossKey('master', 'm'), self_signing_key: crossKey('self_signing', 's') },
    })
    const answer = await world.lists.askForKeys(new Map([[eve, []]]), 1_000)
    expect(answer.master_keys[eve]?.keys).toEqual({ 'ed25519:m': 'm' })
    expect(answer.self_signing_keys[eve]?.keys).toEqual({ 'ed25519:s': 's' })
    expect(world.asked).toEqual([])
  })

  test.each([
    ['whose one before was missed', update('B', 7, [6])],
    ['that names nothing before it', update('B', 6, [])],
    ['without a number', update('B', 'six' as never, [5])],
    ['of signing keys that are none', { edu_type: 'm.signing_key_update', content: { user_id: eve, master_key: 7 } }],
  ])('is asked for as a whole after an update %s', async (_, edu) => {
    const world = await setUp()
    await world.follow()
    Object.assign(world.state, { streamId: 7, devices: { X: deviceKeys('X') } })
    await world.receive(edu)
    await world.settled()
    expect(world.asked).toEqual(['devices'])
    expect(await world.query()).toEqual(['X'])
    await world.receive(update('Y', 8, [7]))
    expect(await world.query()).toEqual(['X', 'Y'])
    expect(world.asked).toEqual(['devices'])
  })

  test('after a missed update of a server that is away is void, not old', async () => {
    const world = await setUp()
    await world.follow()
    world.state.isAway = true
    await world.receive(update('B', 7, [6]))
    await world.settled()
    expect(await world.query()).toEqual([])
    expect(await world.rows()).toEqual([])
  })

  test.each(['query', 'devices'])(
    'that was on its way (%s) when its user changed something is not kept',
    async (how) => {
      const world = await setUp()
      if (how === 'devices') await world.follow()
      let release = (): void => undefined
      world.state.hold = new Promise<void>((resolve) => {
        release = resolve
      })
      const held = new Promise<void>((resolve) => {
        world.state.isHeld = resolve
      })
      const asking = how === 'query' ? world.query() : world.receive(update('Z', 99, [98]))
      await held
      world.state.hold = undefined
      Object.assign(world.state, { streamId: 100, devices: { NEW: deviceKeys('NEW') } })
      await world.receive(update('NEW', 100, [99]))
      release()
      await asking
      await world.settled()
      expect(await world.query()).toEqual(['NEW'])
    },
  )

  test('is forgotten with the last shared room, and not kept where there is none', async () => {
    const world = await setUp()
    await world.follow()
    expect(await world.rows()).toEqual([eve])
    world.state.isShared = false
    const member = { kind: 'event', type: 'm.room.member', isCurrentState: true, historical: false, roomId }
    const left = { ...member, stateKey: bob, pdu: { content: { membership: 'leave' } } } as unknown as Change
    world.lists.onChanges([left])
    await world.settled()
    expect(await world.rows()).toEqual([])
    expect(await world.query('A')).toEqual(['A'])
    expect(await world.query('A')).toEqual(['A'])
    await world.settled()
    expect(world.asked).toEqual(['query A', 'query A'])
    expect(await world.rows()).toEqual([])
  })

  test('of another user of that room goes when that user leaves', async () => {
    const world = await setUp()
    await world.follow()
    world.state.isShared = false
    world.lists.onChanges([{ kind: 'state', roomId, keys: [`m.room.member\0${eve}`] } as unknown as Change])
    await world.settled()
    expect(await world.rows()).toEqual([])
  })

  test('that is too large is asked for each time, and so is one that an update makes too large', async () => {
    const world = await setUp()
    await world.follow()
    const large = 'x'.repeat(deviceListLimits.perUser)
    world.state.devices = { L: deviceKeys('L', large) }
    await world.receive(update('L', 6, [5], { keys: deviceKeys('L', large) }))
    await world.settled()
    expect(await world.rows()).toEqual([])
    expect(await world.query()).toEqual(['L'])
    expect(await world.query()).toEqual(['L'])
    expect(world.asked).toEqual(['query ', 'query '])
  })

  test('has nothing in it that is of somebody else, and any device ID', async () => {
    const world = await setUp()
    await world.follow()
    await world.receive(
      update('B', 6, [5], { keys: deviceKeys('B', 'key', user('x', origin)) }),
      update('__proto__', 7, [6]),
    )
    expect(await world.query()).toEqual(['A', '__proto__'])
  })

  test('is void in a database that was put back', async () => {
    const world = await setUp()
    await world.follow()
    await world.lists.start(false)
    expect(await world.rows()).toEqual([eve])
    await world.lists.start(true)
    expect(await world.rows()).toEqual([])
    expect(await world.query()).toEqual(['A'])
    expect(world.asked).toEqual(['query '])
  })
})
