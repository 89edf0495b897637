/**
 * State resolution: the hard cases by name, what must hold for any history, and speed.
 *
 * Each case builds branches of one room and joins up their states. The answer must not depend on
 * the order of the states, so every case is asked for in all orders.
 */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkAgainstState } from '../../../server/events/auth-rules/index.js'
import { type PduEvent, type StateMap, stateKeyOf } from '../../../server/events/pdu.js'
import { authDifference } from '../../../server/events/state-resolution/auth-difference.js'
import { conflictedSubgraph } from '../../../server/events/state-resolution/conflicted-subgraph.js'
import { missingEvents, resolveState } from '../../../server/events/state-resolution/index.js'
import { replayAllowed } from '../../../server/events/state-resolution/iterative-auth-check.js'
import { sortByMainline } from '../../../server/events/state-resolution/mainline-sort.js'
import { isPowerEvent, selectPowerEvents, sortByPower } from '../../../server/events/state-resolution/power-sort.js'
import { splitConflicted } from '../../../server/events/state-resolution/split-conflicted.js'
import type { EventId } from '../../../server/kernel/identifiers.js'
import { Branch, buildRoom, type RoomBuilder } from '../../support/pdu-builder.js'

const alice = '@alice:a.example' // creator
const mod = '@mod:a.example' // 50
const mia = '@mia:b.example' // 50
const bob = '@bob:b.example' // 0

const topicKey = stateKeyOf('m.room.topic', '')
const levelsKey = stateKeyOf('m.room.power_levels', '')
const memberKey = (userId: string) => stateKeyOf('m.room.member', userId)

/** A public room with Alice, two moderators and Bob, and a branch at its end. */
function room(version: string): {
  built: RoomBuilder
  start: Branch
  levels: (users?: object, extra?: object) => object
} {
  const built = buildRoom({ version })
  const creator = built.rules.creatorsAbovePowerLevels ? {} : { [alice]: 100 }
  const levels = (users: object = {}, extra: object = {}) => ({
    users: { ...creator, [mod]: 50, [mia]: 50, ...users },
    ...extra,
  })
  built.powerLevels(levels())
  const last = built.joinRule('public')
  const start = new Branch(built, last)
  for (const userId of [mod, mia, bob]) start.member(userId, 'join')
  return { built, start, levels }
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  )
}

/** Resolves in every order and expects one answer. */
function resolve(built: RoomBuilder, branches: (Branch | StateMap)[]): StateMap {
  const states = branches.map((branch) => (branch instanceof Branch ? branch.state : branch))
  const [first, ...others] = permutations(states).map((order) => resolveState(order, built.fetch, built.rules))
  for (const other of others) expect(new Map([...other].sort())).toEqual(new Map([...first!].sort()))
  return first!
}

const topic = (sender: string, ts?: number) => ({
  type: 'm.room.topic',
  sender,
  stateKey: '',
  content: { topic: `by ${sender} at ${ts}` },
  ...(ts === undefined ? {} : { ts }),
})
const powerLevels = (sender: string, content: object, ts?: number) => ({
  type: 'm.room.power_levels',
  sender,
  stateKey: '',
  content: { ...content },
  ...(ts === undefined ? {} : { ts }),
})

const v2Versions = ['2', '6', '10', '11', '12']

describe.each(v2Versions)('version %s', (version) => {
  test('states that agree, or a single one, are the answer', () => {
    const { built, start } = room(version)
    expect(resolve(built, [start])).toEqual(start.state)
    expect(resolve(built, [start, start.fork(), start.fork()])).toEqual(start.state)
    expect(resolveState([], built.fetch, built.rules)).toEqual(new Map())
  })

  test('a key that only one state has is taken if it is allowed', () => {
    const { built, start } = room(version)
    const other = start.fork()
    const set = start.send(topic(mod))
    expect(resolve(built, [start, other]).get(topicKey)).toBe(set.eventId)
  })

  test('of two topics set at once the later one stays', () => {
    const { built, start } = room(version)
    const other = start.fork()
    start.send(topic(mod, 5_000_000))
    const later = other.send(topic(mia, 5_000_001))
    expect(resolve(built, [start, other]).get(topicKey)).toBe(later.eventId)
  })

  test('of two topics set in the same millisecond the greater event ID stays', () => {
    const { built, start } = room(version)
    const other = start.fork()
    const ids = [start.send(topic(mod, 5_000_000)), other.send(topic(mia, 5_000_000))].map((event) => event.eventId)
    expect(resolve(built, [start, other]).get(topicKey)).toBe(ids.sort()[1])
  })

  test('a ban beats what the banned moderator does at the same time, however it is dated', () => {
    for (const ts of [1, 9_000_000]) {
      const { built, start, levels } = room(version)
      const other = start.fork()
      const ban = start.member(mod, 'ban', alice, 5_000_000)
      other.send(powerLevels(mod, levels({ [bob]: 50 }), ts))
      other.send(topic(mod, ts))

      const resolved = resolve(built, [start, other])

      expect(resolved.get(memberKey(mod))).toBe(ban.eventId)
      expect(resolved.get(levelsKey)).toBe(start.state.get(levelsKey))
      expect(resolved.has(topicKey)).toBe(false)
    }
  })

  test('a demotion beats the demoted moderator’s own change of power levels', () => {
    const { built, start, levels } = room(version)
    const other = start.fork()
    const demotion = start.send(powerLevels(alice, levels({ [mod]: 0 }), 9_000_000))
    other.send(powerLevels(mod, levels({ [bob]: 50 }), 5_000_000))
    expect(resolve(built, [start, other]).get(levelsKey)).toBe(demotion.eventId)
  })

  test('of two changes of power levels by equals the later one stays', () => {
    const { built, start, levels } = room(version)
    const other = start.fork()
    start.send(powerLevels(mod, levels({ [bob]: 10 }), 5_000_000))
    const later = other.send(powerLevels(mia, levels({ [bob]: 20 }), 5_000_001))
    expect(resolve(built, [start, other]).get(levelsKey)).toBe(later.eventId)
  })

  test('of two join rules set at once by equals the later one stays', () => {
    const { built, start } = room(version)
    const other = start.fork()
    start.send({ ...joinRules(mod, 'invite'), ts: 5_000_000 })
    const later = other.send({ ...joinRules(mia, 'private'), ts: 5_000_001 })
    expect(resolve(built, [start, other]).get(stateKeyOf('m.room.join_rules', ''))).toBe(later.eventId)
  })

  test('a room made private keeps out who joins at the same time', () => {
    const { built, start } = room(version)
    const newcomer = '@new:d.example'
    const other = start.fork()
    const rules = start.send({ ...joinRules(alice, 'invite'), ts: 9_000_000 })
    other.member(newcomer, 'join', newcomer, 5_000_000)

    const resolved = resolve(built, [start, other])

    expect(resolved.get(stateKeyOf('m.room.join_rules', ''))).toBe(rules.eventId)
    expect(resolved.has(memberKey(newcomer))).toBe(false)
  })

  test('an event sent under newer power levels beats one sent under older ones, however they are dated', () => {
    const { built, start, levels } = room(version)
    const other = start.fork()
    start.send(powerLevels(alice, levels({ [bob]: 10 })))
    const newer = start.send(topic(mod, 5_000_000))
    other.send(topic(mia, 9_000_000))
    expect(resolve(built, [start, other]).get(topicKey)).toBe(newer.eventId)
  })

  test('a kick and the kicked user’s new name: the kick stays', () => {
    const { built, start } = room(version)
    const other = start.fork()
    const kick = start.member(bob, 'leave', mod, 5_000_000)
    const content = { membership: 'join', displayname: 'Bob' }
    other.send({ type: 'm.room.member', sender: bob, stateKey: bob, content, ts: 5_000_001 })

    const resolved = resolve(built, [start, other])

    // The rename is replayed after the kick and the room is public: it is a new join.
    expect(resolved.get(memberKey(bob))).toBe(other.state.get(memberKey(bob)))
    start.send({ ...joinRules(alice, 'invite') })
    expect(resolve(built, [start, other]).get(memberKey(bob))).toBe(kick.eventId)
  })

  test('three branches are joined up as two of them would be', () => {
    const { built, start } = room(version)
    const [one, two, three] = [start.fork(), start.fork(), start.fork()]
    one.send(topic(mod, 5_000_000))
    const last = two.send(topic(mia, 7_000_000))
    const name = three.send({ type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'x' } })

    const resolved = resolve(built, [one, two, three])

    expect(resolved.get(topicKey)).toBe(last.eventId)
    expect(resolved.get(stateKeyOf('m.room.name', ''))).toBe(name.eventId)
  })

  test('joining up an answer with what it was made from changes nothing', () => {
    const { built, start, levels } = room(version)
    const other = start.fork()
    start.member(mod, 'ban', alice)
    other.send(powerLevels(mod, levels({ [bob]: 10 })))
    other.send(topic(mod))
    const once = resolve(built, [start, other])
    expect(resolve(built, [once, start])).toEqual(once)
  })

  test('a missing event is left out, and asked for beforehand', () => {
    const { built, start } = room(version)
    const other = start.fork()
    const lost = start.send(topic(mod))
    const states = [start.state, other.state]
    expect(missingEvents(states, built.fetch, built.rules)).toEqual([])

    built.events.delete(lost.eventId)

    expect(missingEvents(states, built.fetch, built.rules)).toEqual([lost.eventId])
    expect(resolve(built, states).has(topicKey)).toBe(false)
    expect(missingEvents([start.state, start.state], built.fetch, built.rules)).toEqual([])
  })
})

function joinRules(sender: string, rule: string) {
  return { type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: rule } }
}

describe('what version 2.1 repairs (MSC4297)', () => {
  /** Two states that agree on a later join rule; one lacks Bob, who had joined under the earlier one. */
  const bobLost = (version: string) => {
    const { built, start } = room(version)
    start.send(joinRules(alice, 'invite'))
    const without = new Map(start.state)
    without.delete(memberKey(bob))
    return { join: start.state.get(memberKey(bob)), resolved: resolve(built, [start.state, without]) }
  }

  test('problem A: v2 judges an old join by the agreed new join rule and drops the user', () => {
    expect(bobLost('11').resolved.has(memberKey(bob))).toBe(false)
  })

  test('problem A: v2.1 starts from nothing and keeps the user', () => {
    const { join, resolved } = bobLost('12')
    expect(resolved.get(memberKey(bob))).toBe(join)
  })

  /**
   * Power levels 1, 2, 3 in a row; 2 makes Bob a moderator, 3 is his. One state has fallen back to 1.
   * An event that both states have was sent under 2, so 2 is no difference between their pasts.
   */
  const fallenBack = (version: string) => {
    const { built, start, levels } = room(version)
    const first = start.state.get(levelsKey)!
    const second = start.send(powerLevels(alice, levels({ [bob]: 50 })))
    start.send({ type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'x' } })
    const third = start.send(powerLevels(bob, levels({ [bob]: 50, '@new:d.example': 10 })))
    const back = new Map(start.state).set(levelsKey, first)
    return { built, first, second, third, states: [start.state, back] }
  }

  test('problem B: v2 forgets the power levels between and falls back', () => {
    const { built, first, states } = fallenBack('11')
    expect(resolve(built, states).get(levelsKey)).toBe(first)
  })

  test('problem B: v2.1 takes the conflicted subgraph in and does not fall back', () => {
    const { built, third, states } = fallenBack('12')
    expect(resolve(built, states).get(levelsKey)).toBe(third.eventId)
  })

  test('the conflicted subgraph is what lies between conflicted events, ends included', () => {
    const { built, first, second, third, states } = fallenBack('12')
    const joined = built.lookup(states[0])('m.room.member', bob)!.eventId // names 1 and the join rules, which name 1
    const rules = states[0]!.get(stateKeyOf('m.room.join_rules', ''))
    const subgraph = conflictedSubgraph(new Set([first, third.eventId]), built.fetch)
    expect(subgraph).toEqual(new Set([first, second.eventId, third.eventId, joined, rules]))
    expect(conflictedSubgraph(new Set([third.eventId]), built.fetch)).toEqual(new Set([third.eventId]))
  })
})

describe('the steps', () => {
  test('a key that one state lacks is in conflict from v2 on, and not in v1', () => {
    const id = (name: string) => name as EventId
    const one = new Map([
      ['a', id('$1')],
      ['b', id('$2')],
      ['c', id('$3')],
    ])
    const two = new Map([
      ['a', id('$1')],
      ['b', id('$4')],
    ])
    expect(splitConflicted([one, two], true)).toEqual({
      unconflicted: new Map([['a', '$1']]),
      conflicted: new Map([
        ['b', new Set(['$2', '$4'])],
        ['c', new Set(['$3'])],
      ]),
    })
    expect([...splitConflicted([one, two], false).unconflicted.keys()]).toEqual(['a', 'c'])
  })

  test('the auth difference is what not all pasts have', () => {
    const { built, start, levels } = room('11')
    const other = start.fork()
    const replaced = start.send(powerLevels(alice, levels({ [bob]: 10 })))
    const current = start.send(powerLevels(alice, levels({ [bob]: 20 })))
    const { unconflicted } = splitConflicted([start.state, other.state], true)
    expect(authDifference([start.state, other.state], unconflicted, built.fetch)).toEqual(
      new Set([replaced.eventId, current.eventId]),
    )
  })

  test('power events are power levels, join rules, kicks and bans', () => {
    const { start, levels } = room('11')
    expect(isPowerEvent(start.send(powerLevels(alice, levels())))).toBe(true)
    expect(isPowerEvent(start.send(joinRules(alice, 'invite')))).toBe(true)
    expect(isPowerEvent(start.member(mia, 'leave', alice))).toBe(true)
    expect(isPowerEvent(start.member(mia, 'ban', alice))).toBe(true)
    expect(isPowerEvent(start.member(bob, 'leave'))).toBe(false)
    expect(isPowerEvent(start.member(bob, 'invite', alice))).toBe(false)
    expect(isPowerEvent(start.send(topic(alice)))).toBe(false)
    expect(isPowerEvent(start.send({ type: 'm.room.power_levels', sender: alice }))).toBe(false)
  })

  test('power events bring what led to them, as far as it is in the set', () => {
    const { built, start } = room('11')
    const rejoin = start.member(bob, 'join')
    const kick = start.member(bob, 'leave', mod)
    const later = start.send(topic(mia))
    const set = new Set([rejoin, kick, later].map((event) => event.eventId))
    expect(selectPowerEvents(set, built.fetch)).toEqual(new Set([rejoin.eventId, kick.eventId]))
  })

  test('power order: what an event rests on, then the mightier sender, then time, then ID', () => {
    const { built, start, levels } = room('11')
    const byMod = start.fork().member(bob, 'leave', mod, 1_000)
    const byMia = start.fork().member(bob, 'leave', mia, 2_000)
    const byAlice = start.fork().member(bob, 'leave', alice, 9_000_000)
    const branch = start.fork()
    const grant = branch.send(powerLevels(mod, levels({ [bob]: 50 }), 3_000))
    const granted = branch.send({ ...joinRules(bob, 'invite'), ts: 10 })
    const all = [granted, grant, byMia, byAlice, byMod]

    for (const order of permutations(all)) {
      const ids = new Set(order.map((event) => event.eventId))
      expect(sortByPower(ids, built.fetch, built.rules)).toEqual([byAlice, byMod, byMia, grant, granted])
    }
  })

  test('creators of version 12 go before everybody else', () => {
    const { built, start } = room('12')
    const byMod = start.fork().member(bob, 'leave', mod, 1_000)
    const byAlice = start.fork().member(bob, 'leave', alice, 9_000_000)
    const ids = new Set([byMod.eventId, byAlice.eventId])
    expect(sortByPower(ids, built.fetch, built.rules)).toEqual([byAlice, byMod])
  })

  test('a circle of auth events, which only given event IDs allow, is left out and does not hang', () => {
    const { built, start, levels } = room('2')
    const one = start.send(powerLevels(alice, levels({ [bob]: 1 })))
    const two = start.send(powerLevels(alice, levels({ [bob]: 2 })))
    built.events.set(one.eventId, {
      ...one,
      pdu: { ...one.pdu, auth_events: [[two.eventId, { sha256: '' }]] },
    })
    const back = new Map(start.state).set(levelsKey, one.eventId)
    expect(sortByPower(new Set([one.eventId, two.eventId]), built.fetch, built.rules)).toEqual([])
    expect(sortByMainline([two], two.eventId, built.fetch)).toHaveLength(1)
    expect(resolve(built, [start.state, back]).get(stateKeyOf('m.room.create', ''))).toBe(built.create.eventId)
  })

  test('mainline order: no place first, then older power levels, then time, then ID', () => {
    const { built, start, levels } = room('11')
    const side = start.fork()
    const old = start.send(topic(mod, 9_000_000))
    start.send(powerLevels(alice, levels({ [bob]: 10 })))
    const early = start.send(topic(mod, 4_000_000))
    const late = start.send(topic(mod, 4_000_001))
    side.send(powerLevels(alice, levels({ [bob]: 99 })))
    const beside = side.send(topic(mod, 1)) // its line meets the mainline where `old` stands
    const homeless = start.send({ ...topic(alice, 9_999_999), authEvents: [built.create] })

    for (const order of permutations([late, early, old, beside, homeless]))
      expect(sortByMainline(order, start.state.get(levelsKey), built.fetch)).toEqual([
        homeless,
        beside,
        old,
        early,
        late,
      ])
    expect(sortByMainline([late, early], undefined, built.fetch)).toEqual([early, late])
  })

  test('a rejected auth event does not stand in for state that is missing', () => {
    for (const rejected of [false, true]) {
      const { built, start } = room('12')
      const newcomer = '@new:d.example'
      start.send(joinRules(alice, 'invite'))
      const invite = start.member(newcomer, 'invite', alice)
      const join = start.member(newcomer, 'join')
      built.events.set(invite.eventId, { ...invite, rejected })
      const state = new Map(start.state)
      state.delete(memberKey(newcomer))

      replayAllowed([join], state, built.fetch, built.rules)

      expect(state.get(memberKey(newcomer))).toBe(rejected ? undefined : join.eventId)
    }
  })
})

describe('version 1', () => {
  test('power levels go on as long as each change is allowed by the one before', () => {
    const { built, start, levels } = room('1')
    const other = start.fork()
    const demotion = start.send({ ...powerLevels(alice, levels({ [mod]: 0 })), depth: 50 })
    other.send({ ...powerLevels(mod, levels({ [bob]: 10 })), depth: 51 })
    expect(resolve(built, [start, other]).get(levelsKey)).toBe(demotion.eventId)

    const third = start.fork()
    const allowedNext = third.send({ ...powerLevels(alice, levels({ [mod]: 0, [bob]: 5 })), depth: 51 })
    expect(resolve(built, [start, third]).get(levelsKey)).toBe(allowedNext.eventId)
  })

  test('a ban beats the banned user’s deeper rename', () => {
    const { built, start } = room('1')
    const other = start.fork()
    const ban = start.send({
      type: 'm.room.member',
      sender: mod,
      stateKey: bob,
      content: { membership: 'ban' },
      depth: 50,
    })
    const content = { membership: 'join', displayname: 'Bob' }
    other.send({ type: 'm.room.member', sender: bob, stateKey: bob, content, depth: 51 })
    expect(resolve(built, [start, other]).get(memberKey(bob))).toBe(ban.eventId)
  })

  test('of two topics the deepest that is allowed stays', () => {
    const { built, start } = room('1')
    const [one, two, three] = [start.fork(), start.fork(), start.fork()]
    one.send({ ...topic(mod), depth: 50 })
    const deeper = two.send({ ...topic(mia), depth: 51 })
    three.send({ ...topic(bob), depth: 52 }) // Bob may not
    expect(resolve(built, [one, two, three]).get(topicKey)).toBe(deeper.eventId)
  })

  test('where no topic is allowed the shallowest stays', () => {
    const { built, start } = room('1')
    const other = start.fork()
    const shallow = start.send({ ...topic(bob), depth: 50 })
    other.send({ ...topic(bob), depth: 51 })
    expect(resolve(built, [start, other]).get(topicKey)).toBe(shallow.eventId)
  })

  test('at equal depth the lower SHA-1 of the event ID decides', () => {
    const { built, start } = room('1')
    const other = start.fork()
    const sha1 = (event: PduEvent) => createHash('sha1').update(event.eventId).digest('hex')
    const events = [start.send({ ...topic(mod), depth: 50 }), other.send({ ...topic(mia), depth: 50 })]
    const [lower] = events.sort((a, b) => (sha1(a) < sha1(b) ? -1 : 1))
    expect(resolve(built, [start, other]).get(topicKey)).toBe(lower?.eventId)
  })

  test('a key that only one state has is taken as it is', () => {
    const { built, start } = room('1')
    const other = start.fork()
    const set = start.send(topic(mod))
    expect(resolve(built, [start, other]).get(topicKey)).toBe(set.eventId)
  })
})

describe('for any history', () => {
  type Step = { branch: number; actor: string; action: number; target: string; forks: boolean; ts: number }
  const everybody = [alice, mod, mia, bob]
  const step: fc.Arbitrary<Step> = fc.record({
    branch: fc.nat(3),
    actor: fc.constantFrom(...everybody),
    action: fc.nat(7),
    target: fc.constantFrom(...everybody),
    forks: fc.boolean(),
    ts: fc.integer({ min: 0, max: 5 }),
  })

  /** Grows up to four branches; each event is allowed by its own branch's state, as on an honest server. */
  function grow(version: string, steps: Step[]) {
    const { built, start, levels } = room(version)
    const branches = [start]
    for (const { branch: index, actor, action, target, forks, ts } of steps) {
      const branch = branches[index % branches.length]!
      const inputs = [
        topic(actor, ts),
        powerLevels(actor, levels({ [target]: ts * 10 }), ts),
        powerLevels(actor, levels({ [bob]: 50 }), ts),
        joinRules(actor, ts % 2 ? 'invite' : 'public'),
        { type: 'm.room.member', sender: actor, stateKey: target, content: { membership: 'leave' }, ts },
        { type: 'm.room.member', sender: actor, stateKey: target, content: { membership: 'ban' }, ts },
        { type: 'm.room.member', sender: actor, stateKey: target, content: { membership: 'invite' }, ts },
        { type: 'm.room.member', sender: actor, stateKey: actor, content: { membership: 'join' }, ts },
      ]
      if (forks && branches.length < 4) branches.push(branch.fork())
      const input = inputs[action]!
      const draft = built.event({ ...input, state: branch.state })
      if (checkAgainstState(draft, built.lookup(branch.state), built.rules).allowed) branch.send(input)
    }
    return { built, states: branches.map((branch) => branch.state) }
  }

  test.each(['1', '2', '6', '11', '12'])(
    'version %s: neither order nor repetition of the states matters',
    (version) => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 4, maxLength: 30 }), fc.nat(), (steps, seed) => {
          const { built, states } = grow(version, steps)
          const rotated = states.map((_, i) => states[(i + seed) % states.length]!)
          const answer = resolveState(states, built.fetch, built.rules)
          const sorted = (state: StateMap) => [...state].sort()
          expect(sorted(resolveState([...states].reverse(), built.fetch, built.rules))).toEqual(sorted(answer))
          expect(sorted(resolveState([...rotated, ...states], built.fetch, built.rules))).toEqual(sorted(answer))
          expect(sorted(resolveState([answer, answer], built.fetch, built.rules))).toEqual(sorted(answer))
        }),
        { numRuns: 60 },
      )
    },
  )

  test.each(['2', '11', '12'])(
    'version %s: what all states agree on stays, and every entry is under its own key',
    (version) => {
      fc.assert(
        fc.property(fc.array(step, { minLength: 4, maxLength: 30 }), (steps) => {
          const { built, states } = grow(version, steps)
          const answer = resolveState(states, built.fetch, built.rules)
          for (const [key, id] of splitConflicted(states, true).unconflicted) expect(answer.get(key)).toBe(id)
          for (const [key, id] of answer) {
            const { type, state_key } = built.fetch(id)!.pdu
            expect(stateKeyOf(type, state_key!)).toBe(key)
          }
        }),
        { numRuns: 60 },
      )
    },
  )
})

describe('speed', () => {
  const millisecondsOf = (run: () => void) => {
    const start = performance.now()
    run()
    return performance.now() - start
  }

  test.each(['1', '11', '12'])('version %s: 1,000 conflicted events are resolved in well under a second', (version) => {
    const { built, start, levels } = room(version)
    const other = start.fork()
    for (let i = 0; i < 500; i++) {
      for (const [branch, sender] of [
        [start, mod],
        [other, mia],
      ] as const) {
        if (i % 10 === 0) branch.send(powerLevels(sender, levels({ [bob]: i % 50 })))
        else branch.send({ type: 'x', sender, stateKey: `${i}`, content: { sender } })
      }
    }
    const states = [start.state, other.state]
    const resolved = resolveState(states, built.fetch, built.rules)

    const took = millisecondsOf(() => resolveState(states, built.fetch, built.rules))

    expect(resolved.size).toBe(start.state.size)
    expect(took).toBeLessThan(500)
  })

  test.each(['2', '12'])('version %s: a line of 20,000 power levels overflows no stack', (version) => {
    const { built, start, levels } = room(version)
    const first = new Map(start.state)
    let last: PduEvent | undefined
    for (let i = 0; i < 20_000; i++) {
      const authEvents = [
        ...(version === '12' ? [] : [built.create]),
        built.fetch(first.get(memberKey(alice))!)!,
        last ?? built.fetch(first.get(levelsKey)!)!,
      ]
      last = built.event({ ...powerLevels(alice, levels({ [bob]: i % 100 })), authEvents, prevEvents: [] })
    }
    const states = [first, new Map(first).set(levelsKey, last!.eventId)]

    expect(resolveState(states, built.fetch, built.rules).get(levelsKey)).toBe(last!.eventId)
  })
})
