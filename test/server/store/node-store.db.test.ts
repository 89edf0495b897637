/** Node rows: one per living process. */
import { expect, test } from 'vitest'
import { type Clock, systemClock } from '../../../server/kernel/clock.js'
import { deadAfterMs, heartbeatMs, readNodes, startNode } from '../../../server/store/node-store.js'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'

const start = 1_000_000
const row = (id: string, heartbeatAt: number) =>
  insertRow('node', { id, started_at: 0, heartbeat_at: heartbeatAt, pid: 1, version: '0' })
const write = (db: TestDatabase, ...writes: ReturnType<typeof row>[]) =>
  db.commit(() => ({ writes, changes: [], result: undefined }))
const idsIn = async (db: TestDatabase) => (await readNodes(db)).map(({ id }) => id).sort()

/** A clock that stands still until told. */
function makeClock() {
  let now = start
  const timers: (() => void)[] = []
  const clock: Clock = {
    ...systemClock,
    now: () => now,
    every: (_ms, run) => {
      timers.push(run)
      return { cancel: () => timers.splice(timers.indexOf(run), 1) }
    },
  }
  const pass = (ms: number) => {
    now += ms
    for (const run of [...timers]) run()
  }
  return { clock, pass }
}

test('an embedded node takes the place of whatever the last run left, and leaves none itself', async () => {
  await using db = await openTestDatabase()
  await write(db, row('crashed', start - 10))
  const { clock } = makeClock()

  const node = await startNode({ db, clock, logger: silentLogger, isShared: false, version: '0.1.0' })

  expect(await readNodes(db)).toEqual([
    { id: node.id, started_at: start, heartbeat_at: start, pid: process.pid, version: '0.1.0' },
  ])
  await node.close()
  expect(await idsIn(db)).toEqual([])
})

test('on a shared database a node keeps others that live, and collects one that has gone silent', async () => {
  await using db = await openTestDatabase()
  await write(db, row('a-living', start - 10), row('b-dead', start - deadAfterMs - 1))
  const { clock, pass } = makeClock()

  const node = await startNode({ db, clock, logger: silentLogger, isShared: true, version: '0.1.0' })
  expect(await idsIn(db)).toEqual([node.id, 'a-living'].sort())

  pass(heartbeatMs)
  await expect
    .poll(async () => (await readNodes(db)).find(({ id }) => id === node.id)?.heartbeat_at)
    .toBe(start + heartbeatMs)
  pass(deadAfterMs)
  await expect.poll(() => idsIn(db)).toEqual([node.id])
  await node.close()
})
