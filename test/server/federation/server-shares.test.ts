/** What questions of other servers may cost, with a clock that moves when told; and what is worked out once. */
import { describe, expect, test } from 'vitest'
import { makeServerShares, serverShares } from '../../../server/federation/server-shares.js'
import { makeStateAnswers } from '../../../server/federation/state-answers.js'
import type { EventId, RoomId, ServerName } from '../../../server/kernel/identifiers.js'
import type { Room, StoredEvent } from '../../../server/rooms/room.js'
import { fakeClock } from '../../support/fake-clock.js'

const asker = (name: string, signal = new AbortController().signal) => ({ origin: name as ServerName, signal })
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the share of a server', () => {
  test('is its own: who has used it up is told when to come back, and others are not', async () => {
    const clock = fakeClock()
    const shares = makeServerShares({ clock })
    const taking = (ms: number) => async () => clock.advance(ms)

    await shares.run(asker('greedy.test'), taking(serverShares.time.size + 2_000))

    await expect(shares.run(asker('greedy.test'), taking(1))).rejects.toMatchObject({
      status: 429,
      errcode: 'M_LIMIT_EXCEEDED',
      extra: { retry_after_ms: expect.closeTo(8_000, -2) },
    })
    expect(await shares.run(asker('other.test'), async () => 'answer')).toBe('answer')
    clock.advance(8_100)
    expect(await shares.run(asker('greedy.test'), async () => 'answer')).toBe('answer')
  })

  test('is waited for where the debt is small, and for as long as it takes in the middle of an answer', async () => {
    const clock = fakeClock()
    const shares = makeServerShares({ clock })
    await shares.run(asker('a.test'), async () => clock.advance(serverShares.time.size + 2_000))
    const done: string[] = []
    void shares.goOn(asker('a.test'), async () => done.push('piece'))
    clock.advance(4_000)
    void shares.run(asker('a.test'), async () => done.push('question'))
    await turn()
    expect(done).toEqual([])

    clock.advance(4_100)
    await turn()

    expect(done.sort()).toEqual(['piece', 'question'])
  })

  test('holds one piece of work at a time, so that others come between', async () => {
    const shares = makeServerShares({ clock: fakeClock() })
    const running = { greedy: 0, most: 0, others: 0 }
    const ends: (() => void)[] = []
    const long = () =>
      new Promise<void>((resolve) => {
        running.most = Math.max(running.most, ++running.greedy)
        ends.push(() => {
          running.greedy--
          resolve()
        })
      })
    const all = Array.from({ length: 10 }, () => shares.run(asker('greedy.test'), long))

    for (let i = 0; i < 5; i++) await shares.run(asker('other.test'), async () => running.others++)
    for (let i = 0; i < 10; i++) {
      await turn()
      ends[i]!()
    }
    await Promise.all(all)

    expect(running).toEqual({ greedy: 0, most: 1, others: 5 })
  })

  test('does not grow with questions that wait: those that came together and ran into debt are refused', async () => {
    const clock = fakeClock()
    const shares = makeServerShares({ clock })
    const questions = Array.from({ length: 5 }, () =>
      shares.run(asker('greedy.test'), async () => clock.advance(serverShares.time.size + 10_000)),
    )

    const ends = await Promise.allSettled(questions)

    expect(ends.filter(({ status }) => status === 'fulfilled').length).toBeLessThan(3)
    expect(ends.at(-1)).toMatchObject({ reason: { errcode: 'M_LIMIT_EXCEEDED' } })
  })

  test('has only so many questions wait', async () => {
    const shares = makeServerShares({ clock: fakeClock() })
    const never = new Promise<void>(() => {})
    const all = Array.from({ length: serverShares.waitingPerServer + 2 }, () =>
      shares.run(asker('greedy.test'), () => never),
    )

    await expect(all.at(-1)).rejects.toMatchObject({ status: 429 })
    expect(await shares.run(asker('other.test'), async () => 'answer')).toBe('answer')
  })

  test('is not waited for by who has gone away', async () => {
    const clock = fakeClock()
    const shares = makeServerShares({ clock })
    await shares.run(asker('a.test'), async () => clock.advance(serverShares.time.size + 1_000))
    const leaving = new AbortController()
    const waiting = shares.goOn(asker('a.test', leaving.signal), async () => 'answer')

    leaving.abort()

    await expect(waiting).rejects.toMatchObject({ code: 'ABORT_ERR' })
    expect(clock.timers).toBe(0)
  })
})

describe('states and auth chains', () => {
  const room = { roomId: '!room' } as unknown as Room
  const event = (id: string, authEvents: string[], prevEvents: string[] = [], node = 1) =>
    ({
      eventId: id as EventId,
      roomId: '!room' as RoomId,
      node,
      pdu: { auth_events: authEvents, prev_events: prevEvents },
    }) as unknown as StoredEvent
  const known = [
    event('$create', []),
    event('$join', ['$create'], ['$create']),
    event('$one', ['$join'], ['$join'], 7),
    event('$two', ['$join'], ['$one'], 7),
    event('$above', ['$join'], ['$gone']),
  ]
  const readEvents = async (ids: Iterable<EventId>) => known.filter(({ eventId }) => [...ids].includes(eventId))

  function answersThatCount() {
    const loaded = { states: 0, chains: 0 }
    const answers = makeStateAnswers({
      async readStateBefore() {
        loaded.states++
        return new Map([['m.room.member @a', '$join' as EventId]])
      },
      async readWithAuthChains(_, ids) {
        loaded.chains++
        return new Map((await readEvents([...ids])).map((each) => [each.eventId, each]))
      },
    })
    return { answers, loaded }
  }

  test('are worked out once, for all events on the same state', async () => {
    const { answers, loaded } = answersThatCount()
    const [one, two] = [event('$three', [], ['$one']), event('$four', [], ['$two'])]

    const first = await answers.readStateBefore({ readEvents }, room, one)
    const second = await answers.readStateBefore({ readEvents }, room, two)
    await answers.readAuthChain({ readEvents }, one)
    await answers.readAuthChain({ readEvents }, one)

    expect(first).toEqual({ state: ['$join'], authChain: ['$create'] })
    expect(second).toBe(first)
    expect(loaded).toEqual({ states: 1, chains: 2 })
  })

  test('are not told of an event that stands on one that is not here', async () => {
    const { answers } = answersThatCount()
    await answers.readStateBefore({ readEvents }, room, event('$three', [], ['$one']))

    expect(await answers.readStateBefore({ readEvents }, room, event('$x', [], ['$one', '$gone']))).toBeUndefined()
  })
})
