/** Several live queries as one query: what goes in, and who gets which answer. */
import { Uuid } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import { batchesOf, type Running } from '../../../renderer/live/registration.js'

function watching(live: string, statements: string[], bindings: Record<string, unknown> = {}) {
  const snapshots: unknown[][][] = []
  const running: Running = {
    isStopped: false,
    watch: {
      live,
      select: () => ({ statements, bindings }),
      onSnapshot: (results) => snapshots.push(results),
      onChange: () => undefined,
    },
  }
  return { running, snapshots }
}

const id = () => Uuid.v4()

describe('a change of room', () => {
  test('is one query: the old ones end, the new ones start, each with its own rows', () => {
    const events = watching('LIVE SELECT * FROM a', ['SELECT 1', 'SELECT 2'], { room_id: '!a' })
    const members = watching('LIVE SELECT * FROM b', [], { room_id: '!a' })
    const [batch, ...more] = batchesOf({ kills: [id()], starts: [events.running, members.running] })
    const attached: [Running, Uuid][] = []
    const [first, second] = [id(), id()]

    batch?.take([null, first, ['row 1'], ['row 2'], second], (running, live) => attached.push([running, live]))

    expect(more).toEqual([])
    expect(batch?.statements).toEqual([
      'KILL $kill_0',
      'LIVE SELECT * FROM a',
      'SELECT 1',
      'SELECT 2',
      'LIVE SELECT * FROM b',
    ])
    expect(events.snapshots).toEqual([[['row 1'], ['row 2']]])
    expect(members.snapshots).toEqual([[]])
    expect(attached).toEqual([
      [events.running, first],
      [members.running, second],
    ])
  })

  test('values that differ under one name make two queries', () => {
    const a = watching('LIVE a', [], { room_id: '!a' })
    const b = watching('LIVE b', [], { room_id: '!b' })

    expect(batchesOf({ kills: [], starts: [a.running, b.running] })).toHaveLength(2)
  })

  test('a watch that was stopped before its turn is not started', () => {
    const gone = watching('LIVE a', [])
    gone.running.isStopped = true

    expect(batchesOf({ kills: [], starts: [gone.running] })).toEqual([])
  })

  test('a batch can be taken apart when one of its parts is refused', () => {
    const a = watching('LIVE a', ['SELECT 1'])
    const b = watching('LIVE b', [])
    const [batch] = batchesOf({ kills: [], starts: [a.running, b.running] })

    expect(batch?.split().map((part) => part.statements)).toEqual([['LIVE a', 'SELECT 1'], ['LIVE b']])
  })
})
