/** A room of ten thousand local members: joining it, sending in it, listing them. */
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { forEachOf, readRssMb, readStallMs, summarise, timed } from './measure.js'

/** A server that gets slower with each member is given so long, and the figures are then of what it reached. */
const mostFillMs = 300_000
const mostJoinMs = 30_000

export async function benchBigRoom({ quick }: BenchOptions): Promise<object> {
  await using server = await startServerProcess()
  const wanted = quick ? 300 : 10_000
  const alice = await MatrixClient.register(server.url, 'alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const start = performance.now()
  let members = 1
  let isStuck = false
  await forEachOf(
    Array.from({ length: wanted - 51 }, (_, i) => `member${i}`),
    20,
    async (name) => {
      if (isStuck) return
      const client = await MatrixClient.register(server.url, name)
      const joined = await within(mostJoinMs, client.join(roomId))
      if (joined) members++
      if (!joined || performance.now() - start > mostFillMs) isStuck = true
    },
  )
  if (isStuck && members < wanted / 2) return { members, stuck_after_s: Math.round((performance.now() - start) / 1000) }
  await readStallMs(server.url)
  const joins: number[] = []
  for (let i = 0; i < 50; i++) {
    const client = await MatrixClient.register(server.url, `late${i}`)
    joins.push((await timed(() => client.join(roomId)))[0])
    members++
  }
  const sends: number[] = []
  for (let i = 0; i < 200; i++)
    sends.push((await timed(() => alice.send(roomId, { msgtype: 'm.text', body: `message ${i}` })))[0])
  const lists: number[] = []
  for (let i = 0; i < 5; i++) {
    const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/members`
    lists.push((await timed(() => alice.call('GET', path)))[0])
  }
  return {
    members,
    join_ms: summarise(joins),
    send_ms: summarise(sends),
    members_ms: summarise(lists),
    rss_mb: readRssMb(server.pid),
    longest_stall_ms: await readStallMs(server.url),
  }
}

/** @returns false where it took longer or failed */
function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const done = work.then(
    () => true,
    () => false,
  )
  return Promise.race([done, new Promise<false>((resolve) => setTimeout(() => resolve(false), ms).unref())])
}
