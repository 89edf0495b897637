/** Fifty clients in ten rooms, and thousands of joins at once, with windows that watch. */
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import {
  forEachOf,
  loadFor,
  readCpuMs,
  readRssMb,
  readStallMs,
  round,
  sleep,
  summarise,
  timed,
  watchPeak,
} from './measure.js'
import { openWindows } from './windows.js'

const message = () => ({ msgtype: 'm.text', body: 'x'.repeat(200) })

export async function benchThroughput({ quick }: BenchOptions): Promise<object> {
  const results: Record<string, object> = {}
  for (const count of [0, 2, 10]) results[`windows_${count}`] = await withWindows(count, quick)
  return results
}

async function withWindows(count: number, quick: boolean): Promise<object> {
  await using server = await startServerProcess()
  const clients = await Promise.all(Array.from({ length: 50 }, (_, i) => MatrixClient.register(server.url, `load${i}`)))
  const rooms = await Promise.all(clients.slice(0, 10).map((client) => client.createRoom({ preset: 'public_chat' })))
  const roomOf = (lane: number) => rooms[lane % 10]!
  await Promise.all(clients.slice(10).map((client, i) => client.join(roomOf(i))))
  const send = (lane: number) => clients[lane]!.send(roomOf(lane), message())
  await loadFor(quick ? 300 : 1_500, 50, send)
  const watching = Array.from({ length: count }, (_, i) => ({ client: clients[i]!, roomId: roomOf(i) }))
  const windows = await openWindows(server.url, watching)
  const sentInWatched = { count: 0 }
  const stopPeak = watchPeak(() => readRssMb(server.pid))
  await readStallMs(server.url)
  const cpuBefore = readCpuMs(server.pid)
  const load = await loadFor(quick ? 1_000 : 10_000, 50, async (lane) => {
    await send(lane)
    if (lane % 10 < count) sentInWatched.count++
  })
  const stall = await readStallMs(server.url)
  const live = await windows?.report(sentInWatched.count, 30_000)
  const cpu = readCpuMs(server.pid) - cpuBefore
  await windows?.close()
  return {
    events_per_second: Math.round(load.done / load.seconds),
    cpu_ms_per_event: round(cpu / load.done),
    ack_ms: summarise(load.times),
    ...(live && { windows: live }),
    rss_mb_peak: stopPeak(),
    longest_stall_ms: stall,
  }
}

/** Three thousand accounts join one room as fast as they can, while ten of its members look at it and fifty people talk elsewhere. */
export async function benchBurst({ quick }: BenchOptions): Promise<object> {
  await using server = await startServerProcess()
  const joins = quick ? 100 : 3_000
  const register = (name: string) => MatrixClient.register(server.url, name)
  const named = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
  const clients: MatrixClient[] = []
  await forEachOf(named('burst', joins), 20, async (name) => void clients.push(await register(name)))
  const watchers = await Promise.all(named('watcher', 10).map(register))
  const talkers = await Promise.all(named('talker', 50).map(register))
  const rooms = await Promise.all(talkers.slice(0, 10).map((client) => client.createRoom({ preset: 'public_chat' })))
  await Promise.all(talkers.slice(10).map((client, i) => client.join(rooms[i % 10]!)))
  const roomId = await watchers[0]!.createRoom({ preset: 'public_chat' })
  await Promise.all(watchers.slice(1).map((client) => client.join(roomId)))
  const windows = await openWindows(
    server.url,
    watchers.map((client) => ({ client, roomId })),
  )
  await readStallMs(server.url)
  const stopPeak = watchPeak(() => readRssMb(server.pid))
  const [joining, sending]: [number[], number[]] = [[], []]
  let isOver = false
  const talk = talkers.map(async (client, i) => {
    while (!isOver) {
      sending.push((await timed(() => client.send(rooms[i % 10]!, message())))[0])
      await sleep(20)
    }
  })
  const start = performance.now()
  await forEachOf(clients, 50, async (client) => void joining.push((await timed(() => client.join(roomId)))[0]))
  const seconds = (performance.now() - start) / 1000
  isOver = true
  await Promise.all(talk)
  const live = await windows?.report(joins * watchers.length, 60_000)
  const stall = await readStallMs(server.url)
  await windows?.close()
  return {
    joins_per_second: Math.round(joins / seconds),
    join_ms: summarise(joining),
    sent_elsewhere_per_second: Math.round(sending.length / seconds),
    send_elsewhere_ms: summarise(sending),
    windows: live,
    rss_mb_peak: stopPeak(),
    longest_stall_ms: stall,
  }
}
