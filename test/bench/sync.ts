/** /sync: the first one of a large account, and the one that has nothing new to say. */
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { readMetrics, summarise, timed } from './measure.js'

const lazy = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { limit: 20 } } })

export async function benchSync({ quick }: BenchOptions): Promise<object> {
  await using server = await startServerProcess()
  const alice = await MatrixClient.register(server.url, 'alice')
  const members = await Promise.all(
    Array.from({ length: quick ? 5 : 49 }, (_, i) => MatrixClient.register(server.url, `m${i}`)),
  )
  const rooms = quick ? 20 : 200
  for (let i = 0; i < rooms; i++) {
    const roomId = await alice.createRoom({ preset: 'public_chat', name: `Room ${i}` })
    await Promise.all(members.map((member) => member.join(roomId)))
    for (let n = 0; n < 5; n++) await alice.send(roomId, { msgtype: 'm.text', body: `message ${n}` })
  }
  const initial: number[] = []
  for (let i = 0; i < 5; i++) initial.push((await timed(() => alice.sync({ timeout: 0, filter: lazy })))[0])

  const quiet = await MatrixClient.register(server.url, 'quiet')
  for (let i = 0; i < (quick ? 50 : 500); i++) await quiet.createRoom({ name: `Quiet ${i}` })
  let since = String((await quiet.sync({ timeout: 0, filter: lazy })).next_batch)
  const before = await readMetrics(server.url)
  const empty: number[] = []
  const rounds = quick ? 50 : 500
  for (let i = 0; i < rounds; i++) {
    const [ms, answer] = await timed(() => quiet.sync({ since, timeout: 0, filter: lazy }))
    since = String(answer.next_batch)
    empty.push(ms)
  }
  const after = await readMetrics(server.url)
  const cpu =
    (after.get('process_cpu_seconds_total') ?? Number.NaN) - (before.get('process_cpu_seconds_total') ?? Number.NaN)
  return {
    initial_ms: { rooms, members_per_room: members.length + 1, ...summarise(initial) },
    empty_incremental_500_rooms_ms: summarise(empty),
    empty_incremental_cpu_ms: Number(((cpu * 1000) / rounds).toFixed(2)),
  }
}
