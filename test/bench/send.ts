/** Sending: latency of one client and throughput of fifty, with and without user interfaces that watch. */

import { type Child, startChild } from '../support/child.js'
import { MatrixClient } from '../support/matrix-client.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { loadFor, readMetrics, summarise, timed } from './measure.js'
import type { UiChannelMessage } from './ui-channels.js'

export async function benchSend(options: BenchOptions): Promise<object> {
  await using server = await startServerProcess()
  const alice = await MatrixClient.register(server.url, 'alice')
  const latency: Record<string, object> = {}
  for (const channels of [0, 2, 10])
    latency[`ui_channels_${channels}`] = await oneClient(server, alice, channels, options)
  const throughput: Record<string, object> = {}
  for (const channels of [0, 2, 10])
    throughput[`ui_channels_${channels}`] = await fiftyClients(server, channels, options)
  const metrics = await readMetrics(server.url)
  return {
    latency_ms: latency,
    throughput,
    wake_up_ms: await wakeUp(server, alice, options),
    longest_stall_ms: Math.round(metrics.get('hearth_event_loop_longest_stall_ms') ?? Number.NaN),
  }
}

const message = () => ({ msgtype: 'm.text', body: 'x'.repeat(200), sent_at: Date.now() })

/** One client sends one message after the other; live rows are timed at up to 100 events/s. */
async function oneClient(
  server: ServerProcess,
  alice: MatrixClient,
  channels: number,
  { quick }: BenchOptions,
): Promise<object> {
  const roomId = await alice.createRoom({ preset: 'private_chat' })
  const ui = await openChannels(server, alice, channels, () => roomId)
  for (let i = 0; i < 50; i++) await alice.send(roomId, message())
  const times: number[] = []
  for (let i = 0; i < (quick ? 100 : 1000); i++) {
    const [ms] = await timed(() => alice.send(roomId, message()))
    times.push(ms)
  }
  await ui?.report()
  for (let i = 0; i < (quick ? 50 : 300); i++) {
    const [ms] = await timed(() => alice.send(roomId, message()))
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 10 - ms))) // 100 events/s
  }
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const live = await ui?.report()
  await ui?.close()
  return {
    send: summarise(times),
    ...(live ? { live_row_at_100_per_s: summarise(live.delays), live_rows: live.rows } : {}),
  }
}

async function fiftyClients(server: ServerProcess, channels: number, { quick }: BenchOptions): Promise<object> {
  const prefix = `load${channels}x`
  const clients = await Promise.all(
    Array.from({ length: 50 }, (_, i) => MatrixClient.register(server.url, `${prefix}${i}`)),
  )
  const [first] = clients as [MatrixClient, ...MatrixClient[]]
  const rooms = await Promise.all(Array.from({ length: 10 }, () => first.createRoom({ preset: 'public_chat' })))
  const roomOf = (lane: number) => rooms[lane % rooms.length] ?? ''
  await Promise.all(clients.map((client, lane) => (client === first ? undefined : client.join(roomOf(lane)))))
  const ui = await openChannels(server, first, channels, roomOf)
  await loadFor(quick ? 300 : 1500, 50, async (lane) => void (await clients[lane]?.send(roomOf(lane), message())))
  await ui?.report()
  const load = await loadFor(
    quick ? 1000 : 8000,
    50,
    async (lane) => void (await clients[lane]?.send(roomOf(lane), message())),
  )
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const live = await ui?.report()
  await ui?.close()
  return {
    events_per_second: Math.round(load.done / load.seconds),
    ack: summarise(load.times),
    ...(live ? { live_lag: summarise(live.delays), live_rows: live.rows } : {}),
  }
}

/** From the start of a send to the answer of another client's waiting /sync. */
async function wakeUp(server: ServerProcess, alice: MatrixClient, { quick }: BenchOptions): Promise<object> {
  const bob = await MatrixClient.register(server.url, 'bobwake')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  let since = String((await bob.sync({ timeout: 0 })).next_batch)
  const times: number[] = []
  for (let i = 0; i < (quick ? 30 : 200); i++) {
    const waiting = bob.sync({ since, timeout: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    const start = performance.now()
    await Promise.all([alice.send(roomId, message()), waiting.then(() => times.push(performance.now() - start))])
    since = String((await waiting).next_batch)
  }
  return summarise(times)
}

async function openChannels(
  server: ServerProcess,
  client: MatrixClient,
  count: number,
  roomOf: (index: number) => string,
) {
  if (count === 0) return undefined
  const channels = Array.from({ length: count }, (_, i) => ({ accessToken: client.accessToken, roomId: roomOf(i) }))
  const child: Child = startChild(new URL('./ui-channels.ts', import.meta.url), { url: server.url, channels })
  await child.hears<UiChannelMessage>((said) => (said as UiChannelMessage).kind === 'subscribed')
  let reports = 0
  return {
    async report() {
      const wanted = ++reports
      child.post('report')
      const isReport = (said: unknown) => (said as UiChannelMessage).kind === 'report'
      return child.hears<UiChannelMessage & { kind: 'report' }>(
        (said) =>
          isReport(said) &&
          child.said.filter(isReport).length === wanted &&
          said === child.said.filter(isReport).at(-1),
      )
    },
    close: () => child.kill(),
  }
}
