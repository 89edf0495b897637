/** An upgrade that ends at any of its commits, as with kill -9: the next start brings it to its end, or back to its beginning. */
import { describe, expect, test } from 'vitest'
import { stateKeyOf } from '../../../server/events/pdu.js'
import type { RoomAlias, RoomId } from '../../../server/kernel/identifiers.js'
import { makeRoomOperations } from '../../../server/rooms/room-operations.js'
import type { Database } from '../../../server/store/reader.js'
import { insertAlias, readAlias } from '../../../server/store/room-alias-store.js'
import { readRoomUpgrades } from '../../../server/store/room-upgrade-store.js'
import { openTestDatabase } from '../../support/database.js'
import { makeSigner, user } from '../../support/rooms.js'

const [alice, mallory] = [user('alice'), user('mallory')]
const signer = makeSigner()
const unreachable = async () => {
  throw new Error('this test has no other servers')
}

const operationsOn = (db: Database) =>
  makeRoomOperations({
    ...{ db, signer, defaultRoomVersion: '11', anyoneMayPublish: true },
    memberProfile: async () => ({}),
    outboxWrites: () => [],
    appservices: { interestedIn: () => [], askForAlias: async () => false },
    remote: {
      ...{ joinRoom: unreachable, knockRoom: unreachable, leaveRoom: unreachable, inviteUser: unreachable },
      ...{ queryDirectory: unreachable, querySpace: async () => undefined },
    },
  })

/** A database that takes so many commits and then no more. */
function until(db: Database, commits: number): Database & { taken(): number } {
  let taken = 0
  return {
    query: (...question) => db.query(...question),
    commit: async (unit) => {
      if (taken >= commits) throw new Error('killed')
      taken++
      return db.commit(unit)
    },
    seedRoom: (...bounds) => db.seedRoom(...bounds),
    get position() {
      return db.position
    },
    onCommitted: (...listener) => db.onCommitted(...listener),
    taken: () => taken,
  }
}

describe.each(['11', '12'])('an upgrade to version %s that breaks off', async (newVersion) => {
  const db = await openTestDatabase()

  async function makeRoom(ops: Awaited<ReturnType<typeof operationsOn>>, name: string) {
    const roomId = await ops.createRoom({
      ...{ creator: alice, roomVersion: '10', preset: 'public_chat' as const, name },
      // Who upgrades has less power afterwards than while it is made, so that levels are set at the end too.
      powerLevelContentOverride: {
        users: { [alice]: 50 },
        events: { 'm.room.tombstone': 50, 'm.room.power_levels': 50 },
        ban: 50,
      },
    })
    const alias = `#${name}:hearth.test` as RoomAlias
    await db.commit(() => ({
      writes: [insertAlias(alias, { room_id: roomId, creator: alice })],
      changes: [],
      result: undefined,
    }))
    await ops.banUser({ roomId, sender: alice, target: mallory })
    const space = await ops.createRoom({ creator: alice, creationContent: { type: 'm.space' } })
    const child = {
      type: 'm.space.child',
      stateKey: roomId,
      sender: alice,
      content: { via: ['hearth.test'], order: 'k' },
    }
    await ops.sendEvent(space, child)
    return { roomId, alias, space }
  }

  test('is at its end or back at its beginning after the next start, whichever step was the last', async () => {
    const outcomes: string[] = []
    for (let commits = 0; outcomes.at(-1) !== 'whole'; commits++) {
      const { roomId, alias, space } = await makeRoom(await operationsOn(db), `k${newVersion}-${commits}`)
      const dying = until(db, commits)
      const upgraded = await (await operationsOn(dying))
        .upgradeRoom({ roomId, userId: alice, newVersion })
        .catch((error: Error) => error)

      const ops = await operationsOn(db)
      await ops.resumeUpgrades()

      expect(await readRoomUpgrades(db)).toEqual([])
      const old = (await ops.rooms.get(roomId))!
      const to = old.state.get(stateKeyOf('m.room.tombstone', ''))?.pdu.content.replacement_room as RoomId | undefined
      const children = [...(await ops.rooms.get(space))!.state.values()].flatMap(({ pdu }) =>
        pdu.type === 'm.space.child' && pdu.content.via ? [[pdu.state_key, pdu.content.order]] : [],
      )
      const others = [...(await ops.rooms.membershipsOf(alice))].flatMap(([id, { membership }]) =>
        membership === 'join' && ![roomId, space].includes(id) ? [id] : [],
      )
      const made: RoomId[] = []
      for (const id of others) {
        const { predecessor } = (await ops.rooms.get(id))!.createEvent.pdu.content as {
          predecessor?: { room_id: RoomId }
        }
        if (predecessor?.room_id === roomId) made.push(id)
      }
      expect(made).toEqual(to ? [to] : [])
      expect((await readAlias(db, alias))?.room_id).toBe(to ?? roomId)
      expect(children).toEqual([[to ?? roomId, 'k']])
      const levels = (room: typeof old | undefined) =>
        room?.state.get(stateKeyOf('m.room.power_levels', ''))?.pdu.content
      expect(Number(levels(old)?.events_default) > 0).toBe(to !== undefined)
      if (to) {
        const replacement = await ops.rooms.get(to)
        const { users } = levels(replacement) as { users: Record<string, number> }
        expect(users[alice]).toBe(newVersion === '12' ? undefined : 50)
        expect((await ops.rooms.readMember(replacement!, mallory))?.pdu.content.membership).toBe('ban')
      }
      outcomes.push(upgraded instanceof Error ? (to ? 'resumed' : 'undone') : 'whole')
    }
    expect(outcomes).toContain('undone')
    expect(outcomes).toContain('resumed')
  })
})
