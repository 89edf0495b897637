/** A large database at rest: how soon it serves, what memory it takes, what an event costs on disk. */
import { roomVersionRules } from '../../server/events/room-versions.js'
import type { EventId, RoomId } from '../../server/kernel/identifiers.js'
import { signEvent } from '../../server/rooms/build-event.js'
import { makeSigner, user } from '../support/rooms.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { type DatabaseCopy, someText } from './large-database.js'
import { loadFor, median, readRssMb, readStallMs, round, sleep, watchPeak } from './measure.js'

async function withCopy(database: BenchOptions['database'], work: (copy: DatabaseCopy) => Promise<object>) {
  const copy = await database.copy()
  try {
    return await work(copy)
  } finally {
    await copy.dispose()
  }
}

export function benchMemory({ quick, database }: BenchOptions): Promise<object> {
  return withCopy(database, async (copy) => {
    const server = await startServerProcess({ dataDir: copy.dataDir })
    await sleep(quick ? 2_000 : 60_000)
    const idle = readRssMb(server.pid)
    const clients = copy.clients(server.url)
    const stopPeak = watchPeak(() => readRssMb(server.pid))
    await readStallMs(server.url)
    let n = 0
    await loadFor(quick ? 2_000 : 15_000, 50, (lane) =>
      clients[lane % 20]!.send(copy.rooms[n++ % 50]!, { msgtype: 'm.text', body: someText() }),
    )
    const stall = await readStallMs(server.url)
    const peak = stopPeak()
    await server.stop()
    return { rss_mb_idle: idle, rss_mb_under_load: peak, longest_stall_ms: stall }
  })
}

export function benchColdStart({ quick, database }: BenchOptions): Promise<object> {
  return withCopy(database, async ({ dataDir }) => {
    const starts: number[] = []
    for (let i = 0; i < (quick ? 2 : 5); i++) {
      const server = await startServerProcess({ dataDir })
      starts.push(server.readyMs)
      await server.stop()
    }
    return { events: database.events, ready_ms: median(starts) }
  })
}

export async function benchDisk({ database }: BenchOptions): Promise<object> {
  const { diskBytes, seconds } = await database.notes()
  const pdu = pduBytes(someText())
  return {
    bytes_per_event: Math.round(diskBytes / database.events),
    pdu_bytes: pdu,
    times_its_pdu: round(diskBytes / database.events / pdu),
    filled_at_per_second: Math.round(database.events / Math.max(1, seconds)),
  }
}

/** Bytes of such a message's PDU, as federation sends it. */
function pduBytes(body: string): number {
  const reference = `$${'x'.repeat(43)}` as EventId
  const unsigned = {
    room_id: `!${'x'.repeat(43)}` as RoomId,
    type: 'm.room.message',
    sender: user('user10'),
    content: { msgtype: 'm.text', body },
    origin_server_ts: Date.now(),
    depth: 2_000,
    prev_events: [reference],
    auth_events: [reference, reference],
  }
  const rules = roomVersionRules('12')
  if (!rules) throw new Error('room version 12 is not known')
  return Buffer.byteLength(signEvent(unsigned, rules, makeSigner()).json)
}
