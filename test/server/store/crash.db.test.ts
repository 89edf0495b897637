/** kill -9 while fifty lanes commit: every acknowledged unit is there, none is half there, positions are dense. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from '../../../server/store/database.js'
import { readFeed } from '../../../server/store/feed-store.js'
import { startChild } from '../../support/child.js'
import { silentLogger } from '../../support/database.js'
import type { Acknowledged } from './children/commit-until-killed.js'

test('a killed process has kept what it acknowledged, whole, and the next one goes on where it stopped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-crash-'))
  const acknowledged: Acknowledged[] = []
  const starts: number[] = []
  for (let run = 0; run < 3; run++) {
    const child = startChild(new URL('./children/commit-until-killed.ts', import.meta.url), { dir, run })
    const { started } = await child.hears<{ started: number }>(isStart)
    await new Promise((resolve) => setTimeout(resolve, 150 + 170 * run))
    await child.kill()
    starts.push(started)
    acknowledged.push(...child.said.filter((message) => !isStart(message)).map((message) => message as Acknowledged))
  }

  const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: silentLogger })
  type Row = { key: string; position: number; seq: number }
  const [events, timeline, room] = await db.query<[Row[], Row[], { max_seq: number }[]]>(
    `SELECT record::id(id) AS key, position, seq FROM event;
     SELECT event_id AS key, position, record::id(id)[1] AS seq FROM timeline;
     SELECT max_seq FROM room`,
  )

  expect(acknowledged.length).toBeGreaterThan(100)
  const stored = new Map(events.map((row) => [row.key, row]))
  for (const { id, position, seq } of acknowledged) expect(stored.get(id)).toEqual({ key: id, position, seq })
  const bySeq = (a: Row, b: Row) => a.seq - b.seq
  expect([...events].sort(bySeq)).toEqual([...timeline].sort(bySeq))
  const dense = Array.from({ length: events.length }, (_, n) => n + 1)
  expect(events.map(({ position }) => position).sort((a, b) => a - b)).toEqual(dense)
  expect(events.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(dense)
  const feed = await readFeed(db, 0, events.length + 10)
  expect(feed.map(({ position }) => position)).toEqual(dense)
  expect(room[0]?.max_seq).toBe(events.length)
  expect(db.position).toBe(events.length)
  expect(starts[0]).toBe(0)
  expect(starts[1]).toBeGreaterThan(0)
  await db.close()
  await rm(dir, { recursive: true, force: true })
}, 60_000)

const isStart = (message: unknown) => typeof message === 'object' && message !== null && 'started' in message
