/** One client sends one message after the other, in a large database. */
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { someText } from './large-database.js'
import { readStallMs, sleep, summarise, timed } from './measure.js'

export async function benchSend({ quick, database }: BenchOptions): Promise<object> {
  const copy = await database.copy()
  const server = await startServerProcess({ dataDir: copy.dataDir })
  try {
    const client = copy.clients(server.url)[0]!
    const message = () => ({ msgtype: 'm.text', body: someText() })
    for (let i = 0; i < 100; i++) await client.send(copy.rooms[i % 50]!, message())
    await sleep(1_000)
    await readStallMs(server.url)
    const times: number[] = []
    for (let i = 0; i < (quick ? 200 : 3_000); i++)
      times.push((await timed(() => client.send(copy.rooms[i % 50]!, message())))[0])
    return { send_ms: summarise(times), longest_stall_ms: await readStallMs(server.url) }
  } finally {
    await server.stop()
    await copy.dispose()
  }
}
