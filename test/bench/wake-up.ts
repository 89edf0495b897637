/** Another client's waiting /sync: how soon it hears of a message, and what a /sync without news costs. */
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { readCpuMs, round, sleep, summarise, timed } from './measure.js'

const lazy = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { limit: 20 } } })

export async function benchWakeUp({ quick }: BenchOptions): Promise<object> {
  await using server = await startServerProcess()
  const alice = await MatrixClient.register(server.url, 'alice')
  const bob = await MatrixClient.register(server.url, 'bob')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  let since = String((await bob.sync({ timeout: 0 })).next_batch)
  const wakes: number[] = []
  for (let i = 0; i < (quick ? 30 : 200); i++) {
    const waiting = bob.sync({ since, timeout: 10_000 })
    await sleep(5)
    const start = performance.now()
    const heard = waiting.then(() => wakes.push(performance.now() - start))
    await Promise.all([alice.send(roomId, { msgtype: 'm.text', body: `message ${i}` }), heard])
    since = String((await waiting).next_batch)
  }

  const rooms = quick ? 50 : 500
  for (let i = 0; i < rooms; i++) await bob.createRoom({ name: `Quiet ${i}` })
  since = String((await bob.sync({ timeout: 0, filter: lazy })).next_batch)
  const rounds = quick ? 50 : 500
  const empty: number[] = []
  const before = readCpuMs(server.pid)
  for (let i = 0; i < rounds; i++) {
    const [ms, answer] = await timed(() => bob.sync({ since, timeout: 0, filter: lazy }))
    since = String(answer.next_batch)
    empty.push(ms)
  }
  const cpuMs = readCpuMs(server.pid) - before
  return {
    wake_up_ms: summarise(wakes),
    empty_sync: { rooms, ms: summarise(empty), cpu_ms_each: round(cpuMs / rounds) },
  }
}
