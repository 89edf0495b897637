/** Two servers over TLS: how fast the PDUs of one arrive at the other, and how long one message takes. */
import { startFederatedProcesses } from '../support/federated-processes.js'
import { type Json, MatrixClient } from '../support/matrix-client.js'
import type { BenchOptions } from './bench.js'
import { summarise } from './measure.js'

export async function benchFederation({ quick }: BenchOptions): Promise<object> {
  await using federated = await startFederatedProcesses(2)
  const [here, there] = federated.servers
  if (!here || !there) throw new Error('two servers were to be started')
  const alice = await MatrixClient.register(here.url, 'alice')
  const bob = await MatrixClient.register(there.url, 'bob')
  const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
  const invites = async () => ((await bob.sync({ timeout: 0 })).rooms as { invite?: Json } | undefined)?.invite ?? {}
  await until(async () => roomId in (await invites()))
  await bob.join(roomId)
  await alice.send(roomId, { msgtype: 'm.text', body: 'warm' })

  const single: number[] = []
  let since = String((await bob.sync({ timeout: 0 })).next_batch)
  for (let i = 0; i < (quick ? 10 : 50); i++) {
    const start = performance.now()
    const waiting = bob.sync({ since, timeout: 20_000 })
    await alice.send(roomId, { msgtype: 'm.text', body: `one ${i}` })
    since = String((await waiting).next_batch)
    single.push(performance.now() - start)
  }

  const events = quick ? 200 : 3_000
  const start = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      while (next < events) await alice.send(roomId, { msgtype: 'm.text', body: `burst ${next++}` })
    }),
  )
  const last = await alice.send(roomId, { msgtype: 'm.text', body: 'last' })
  const sentAfter = performance.now() - start
  await until(async () => {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(last)}`
    return bob.call('GET', path).then(
      () => true,
      () => false,
    )
  })
  const seconds = (performance.now() - start) / 1000
  return {
    send_to_remote_sync_ms: summarise(single),
    burst: {
      pdus: events + 1,
      sent_per_second: Math.round(events / (sentAfter / 1000)),
      received_per_second: Math.round(events / seconds),
    },
  }
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 120_000
  while (!(await check())) {
    if (Date.now() > end) throw new Error('the other server did not get there within two minutes')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
