/** What an event costs in a room of three hundred local members, one of whom looks. */
import { MatrixClient } from '../support/matrix-client.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { forEachOf, readCpuMs, round, sleep } from './measure.js'
import { openWindows } from './windows.js'

export async function benchLocalMembers({ quick }: BenchOptions): Promise<object> {
  await using server = await startServerProcess()
  const members = quick ? 60 : 300
  const alice = await MatrixClient.register(server.url, 'alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  let watcher = alice
  await forEachOf(
    Array.from({ length: members - 1 }, (_, i) => `member${i}`),
    10,
    async (name) => {
      watcher = await MatrixClient.register(server.url, name)
      await watcher.join(roomId)
    },
  )
  const windows = await openWindows(server.url, [{ client: watcher, roomId }])
  await settle(server.pid)
  const quiet = await cpuOf(server.pid, () => sleep(5_000))
  const events = quick ? 100 : 1_000
  const start = performance.now()
  const busy = await cpuOf(server.pid, async () => {
    for (let i = 0; i < events; i++) await alice.send(roomId, { msgtype: 'm.text', body: `message ${i}` })
    await settle(server.pid) // what is done behind the acknowledgement counts as well
  })
  const live = await windows?.report(events, 60_000)
  await windows?.close()
  const seconds = (performance.now() - start) / 1000
  return { members, events, cpu_ms_per_event: round((busy - (quiet / 5) * seconds) / events), windows: live }
}

async function cpuOf(pid: number, work: () => Promise<unknown>): Promise<number> {
  const before = readCpuMs(pid)
  await work()
  return readCpuMs(pid) - before
}

/** Waits until the process takes less than a tenth of a core, at most a minute. */
export async function settle(pid: number): Promise<void> {
  for (let n = 0; n < 60; n++) if ((await cpuOf(pid, () => sleep(1_000))) < 100) return
}
