/** Leaves that no server took at once, told later: when, to whom, and until what. */
import { describe, expect, test } from 'vitest'
import { FederationError } from '../../../server/federation/federation-error.js'
import { makeLeaveTeller } from '../../../server/federation/tell-leaves.js'
import type { EventId, RoomId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import type { RoomMembership } from '../../../server/rooms/room.js'
import { readUntoldLeaves, setUntoldLeave } from '../../../server/store/untold-leave-store.js'
import type { Change } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'

const bob = '@bob:here.test' as UserId
const roomId = '!room:far.test' as RoomId
const [far, near] = ['far.test', 'near.test'] as ServerName[] as [ServerName, ServerName]
const silence = (server: ServerName) => new FederationError(server, 'connect', 'is away')
const refusal = (server: ServerName) => new FederationError(server, 'refused', 'no', { status: 403 })

describe('a leave that nobody was told of', async () => {
  const db = await openTestDatabase()

  async function setUp(via: ServerName[] = [far]) {
    const clock = fakeClock(0)
    const held = new Map<RoomId, Pick<RoomMembership, 'membership' | 'eventId'>>()
    const answers = new Map<ServerName, Error | undefined>(via.map((server) => [server, silence(server)]))
    const asked: ServerName[] = []
    let heal: (server: ServerName) => void = () => undefined
    const begin = () =>
      makeLeaveTeller({
        ...{ db, clock, log: silentLogger },
        rooms: { membershipsOf: async () => held as unknown as ReadonlyMap<RoomId, RoomMembership> },
        destinations: {
          onHealed(listener) {
            heal = listener
            return () => undefined
          },
        },
        async sendLeave(server) {
          asked.push(server)
          const error = answers.get(server)
          if (error) throw error
        },
      })
    const eventId = '$leave' as EventId
    held.set(roomId, { membership: 'leave', eventId })
    const row = { user_id: bob, room_id: roomId, event_id: eventId, via, content: '{"membership":"leave"}' }
    await db.commit(() => ({ writes: [setUntoldLeave(row)], changes: [], result: undefined }))
    const rows = () => readUntoldLeaves(db, 10)
    /** The clock goes on, and what it set off comes to an end. */
    const pass = async (ms: number, count: number) => {
      clock.advance(ms)
      await expect.poll(() => asked.length).toBe(count)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return { clock, held, answers, asked, begin, rows, pass, heal: (server: ServerName) => heal(server) }
  }
  const change = { kind: 'membership', membership: 'leave', userId: bob, roomId, position: 1 } as unknown as Change

  test('is told again and again, at growing distances, until a server takes it', async () => {
    const { answers, begin, rows, pass } = await setUp()
    const teller = begin()
    teller.onChanges([change])
    await new Promise((resolve) => setTimeout(resolve, 20))
    await pass(5_000, 1)
    await pass(5_000, 1)
    await pass(5_000, 2)
    answers.set(far, undefined)
    await pass(20_000, 3)
    await expect.poll(rows).toEqual([])
    await pass(86_400_000, 3)
  })

  test('is told after a restart, and soon once its server is heard from', async () => {
    const { answers, begin, rows, pass, heal } = await setUp()
    const teller = begin()
    await teller.start()
    await pass(5_000, 1)
    await pass(10_000, 2)
    answers.set(far, undefined)
    heal(near)
    await pass(5_000, 2)
    heal(far)
    await pass(5_000, 3)
    await expect.poll(rows).toEqual([])
  })

  test('of a user who was invited again since is not told any more', async () => {
    const { held, begin, rows, pass } = await setUp()
    held.set(roomId, { membership: 'invite', eventId: '$again' as EventId })
    await begin().start()
    await pass(5_000, 0)
    await expect.poll(rows).toEqual([])
  })

  test('is kept for the servers that were not reached; one that refuses has heard it', async () => {
    const { answers, begin, rows, pass } = await setUp([near, far])
    answers.set(near, refusal(near))
    await begin().start()
    await pass(5_000, 2)
    await expect.poll(async () => (await rows()).map(({ via }) => via)).toEqual([[far]])
    answers.set(far, refusal(far))
    await pass(10_000, 3)
    await expect.poll(rows).toEqual([])
  })
})
