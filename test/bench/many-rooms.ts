/** An account of two hundred rooms with fifty local members each: its first /sync, and what the server does when nobody asks. */
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { forEachOf, median, readCpuMs, readRssMb, readStallMs, round, sleep, summarise, timed } from './measure.js'

const lazy = JSON.stringify({ room: { state: { lazy_load_members: true }, timeline: { limit: 20 } } })

/** Both rows want the same database; the first that runs makes it. */
let made: Promise<{ dataDir: string; alice: MatrixClient }> | undefined

async function makeRooms(quick: boolean): Promise<{ dataDir: string; alice: MatrixClient }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
  const server = await startServerProcess({ dataDir })
  const [rooms, membersOfEach] = quick ? [20, 5] : [200, 50]
  const alice = await MatrixClient.register(server.url, 'alice')
  const members = await Promise.all(
    Array.from({ length: membersOfEach - 1 }, (_, i) => MatrixClient.register(server.url, `m${i}`)),
  )
  await forEachOf(
    Array.from({ length: rooms }, (_, i) => i),
    8,
    async (i) => {
      const roomId = await alice.createRoom({ preset: 'public_chat', name: `Room ${i}` })
      for (const member of members) await member.join(roomId)
      for (let n = 0; n < 20; n++) await alice.send(roomId, { msgtype: 'm.text', body: `message ${n}` })
    },
  )
  await sleep(3_000)
  await server.stop()
  return { dataDir, alice }
}

export async function benchInitialSync({ quick }: BenchOptions): Promise<object> {
  made ??= makeRooms(quick)
  const { dataDir, alice } = await made
  const [cold, warm]: [number[], number[]] = [[], []]
  let stall = 0
  for (let n = 0; n < 3; n++) {
    const server = await startServerProcess({ dataDir })
    const client = alice.at(server.url)
    cold.push((await timed(() => client.sync({ timeout: 0, filter: lazy })))[0])
    for (let i = 0; i < 5; i++) warm.push((await timed(() => client.sync({ timeout: 0, filter: lazy })))[0])
    stall = Math.max(stall, await readStallMs(server.url))
    await server.stop()
  }
  return { after_restart_ms: median(cold), warm_ms: summarise(warm), longest_stall_ms: stall }
}

export async function benchIdle({ quick }: BenchOptions): Promise<object> {
  made ??= makeRooms(quick)
  const { dataDir } = await made
  const server = await startServerProcess({ dataDir })
  await sleep(quick ? 5_000 : 60_000)
  const seconds = quick ? 5 : 20
  const before = readCpuMs(server.pid)
  await sleep(seconds * 1_000)
  const cpuMs = readCpuMs(server.pid) - before
  const rssMb = readRssMb(server.pid)
  await server.stop()
  return { idle_cpu_percent: round(cpuMs / 10 / seconds), rss_mb: rssMb }
}
