/**
 * Resolving states by what they differ in comes to what resolving them whole comes to: on random rooms with random
 * branches, allowed or not, which is more than any room holds.
 */
import { describe, expect, test } from 'vitest'
import type { PduEvent, StateMap } from '../../../server/events/pdu.js'
import { missingEvents, resolveState } from '../../../server/events/state-resolution/index.js'
import type { EventId } from '../../../server/kernel/identifiers.js'
import type { Snapshot } from '../../../server/rooms/room.js'
import { resolveViews } from '../../../server/rooms/state-before.js'
import { changesBetween, nearestNode, type Pair, type View } from '../../../server/rooms/state-view.js'
import { Branch, buildRoom, type RoomBuilder } from '../../support/pdu-builder.js'
import { makeRandom, type Random } from '../../walk/random.js'

const users = Array.from({ length: 9 }, (_, n) => `@u${n}:${'abc'[n % 3]}.example`)
/** In the last of them, what is common to all pasts is so through a member of whom nothing else is asked. */
const seeds = [...Array.from({ length: 150 }, (_, n) => n + 1), 1277]
const versions = ['1', '2', '10', '12']

/** Somebody does something to the state. */
function act(random: Random, room: RoomBuilder, branch: Branch): void {
  const sender = random.chance(0.4) ? room.creator : random.pick(users)
  const target = random.pick(users)
  const state = (type: string, content: Record<string, unknown>) => branch.send({ type, stateKey: '', sender, content })
  switch (random.integer(8)) {
    case 0:
      return void state('m.room.power_levels', { users: { [target]: random.pick([0, 50, 100]) } })
    case 1:
      return void state('m.room.join_rules', { join_rule: random.pick(['public', 'invite', 'knock']) })
    case 2:
      return void state('m.room.topic', { topic: `${random.integer(1_000)}` })
    case 3:
      return void branch.member(target, 'ban', sender)
    case 4:
      return void branch.member(target, 'leave', sender)
    case 5:
      return void branch.member(target, 'invite', sender)
    default:
      return void branch.member(target, 'join')
  }
}

function viewOn(base: StateMap, state: StateMap): View {
  const view = new Map<string, Pair>()
  for (const [key, id] of state) if (base.get(key) !== id) view.set(key, [id, base.get(key)])
  for (const [key, id] of base) if (!state.has(key)) view.set(key, [undefined, id])
  return view
}

function applied(base: StateMap, view: View): StateMap {
  const state = new Map(base)
  for (const [key, [is]] of view) {
    if (is === undefined) state.delete(key)
    else state.set(key, is)
  }
  return state
}

const sorted = (state: StateMap) => [...state].sort()

async function resolveByViews(room: RoomBuilder, base: StateMap, states: readonly StateMap[]): Promise<StateMap> {
  const asked: string[] = []
  const snapshot = { rules: room.rules, createEvent: room.create, roomId: room.roomId } as unknown as Snapshot
  const readEvents = async (ids: readonly EventId[]) =>
    ids.flatMap((id) => ({ ...(room.events.get(id) as PduEvent), status: 'accepted' as const }))
  const view = await resolveViews(
    { readEvents, readNode: async () => base, readView: () => Promise.reject(new Error('no nodes here')) },
    snapshot,
    {
      n: 0,
      async readIds(keys) {
        asked.push(...keys)
        return new Map(keys.flatMap((key) => (base.has(key) ? [[key, base.get(key)!] as const] : [])))
      },
    },
    states.map((state) => viewOn(base, state)),
  )
  return applied(base, view)
}

describe.for(versions)('in version %s', (version) => {
  test('states resolve alike, whole and by what they differ in', async () => {
    for (const seed of seeds) {
      const random = makeRandom(seed)
      const room = buildRoom({ version })
      const trunk = new Branch(room, room.create)
      for (let i = 0; i < 12; i++) act(random, room, trunk)
      const branches = [trunk.fork(), trunk.fork(), trunk.fork()].slice(0, 2 + random.integer(2))
      for (const branch of branches) for (let i = random.integer(6); i >= 0; i--) act(random, room, branch)
      const states = branches.map((branch) => branch.state)
      expect(missingEvents(states, room.fetch, room.rules)).toEqual([])

      const whole = resolveState(states, room.fetch, room.rules)
      const base = random.pick([...states, trunk.state])

      expect(sorted(await resolveByViews(room, base, states)), `seed ${seed}`).toEqual(sorted(whole))
    }
  })
})

describe('a node of a state', () => {
  const a = '$a' as EventId
  const b = '$b' as EventId

  test('is a candidate that says just that, however it was come to', () => {
    const view: View = new Map([['x', [a, b]]])
    const same: View = new Map([
      ['x', [a, b]],
      ['y', [b, b]],
    ])
    expect(
      nearestNode(
        9,
        [
          { n: 4, view: new Map() },
          { n: 7, view: same },
        ],
        view,
      ),
    ).toEqual({ n: 7 })
  })

  test('stands on the nearest candidate, with what is there now and what was', () => {
    const near: View = new Map([['x', [a, undefined]]])
    const state: View = new Map([
      ['x', [b, undefined]],
      ['z', [undefined, b]],
    ])
    const candidates = [
      { n: 3, view: new Map([['w', [a, b]]]) as View },
      { n: 5, view: near },
    ]
    expect(nearestNode(9, candidates, state)).toEqual({
      n: 9,
      row: { n: 9, parent: 5, entries: { x: ['$b', '$a'], z: [null, '$b'] } },
    })
  })

  test('differs from another in both directions', () => {
    const from: View = new Map([
      ['x', [a, undefined]],
      ['y', [undefined, b]],
    ])
    const to: View = new Map([['z', [b, a]]])
    expect(changesBetween(from, to)).toEqual(
      new Map([
        ['z', [b, a]],
        ['x', [undefined, a]],
        ['y', [b, undefined]],
      ]),
    )
  })
})
