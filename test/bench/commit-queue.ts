/**
 * The commit queue by itself: no HTTP, no rooms, RocksDB in a temporary directory.
 *
 * Run: node test/support/child-entry.mjs test/bench/commit-queue.ts
 * A unit is what a sent message writes: event, timeline, txn, room, and the queue's own feed row.
 * Prints one JSON: latency of one lane in ms, units/s of 50 lanes, and the JS time per unit.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { EventId, RoomId, UserId } from '../../server/kernel/identifiers.js'
import { createLogger } from '../../server/kernel/logger.js'
import { type OpenDatabase, openDatabase } from '../../server/store/database.js'
import { recordId } from '../../server/store/rpc.js'
import { type Change, insertRow, type RoomSeq, upsertRow } from '../../server/store/writes.js'

const rooms = Array.from({ length: 10 }, (_, n) => `!room${n}:example.org` as RoomId)
const pdu = JSON.stringify({ type: 'm.room.message', content: { body: 'x'.repeat(500) }, sender: '@a:example.org' })
let made = 0

export async function main(
  { units = 4000, lanes = 50 }: { units?: number; lanes?: number },
  say: (message: unknown) => void,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: createLogger('warn') })
  for (const room of rooms) db.seedRoom(room, { maxSeq: 0 as RoomSeq })

  await measure(db, 200, 1)
  say({
    oneLane: await measure(db, Math.round(units / 4), 1),
    manyLanes: { lanes, ...(await measure(db, units, lanes)) },
    metrics: db.commitMetrics(),
  })
  await db.close()
  await rm(dir, { recursive: true, force: true })
}

async function measure(db: OpenDatabase, units: number, lanes: number) {
  const times: number[] = []
  const start = performance.now()
  const cpu = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  const lane = async (index: number) => {
    for (let n = 0; n < units / lanes; n++) {
      const began = performance.now()
      await sendMessage(db, rooms[(index + n) % rooms.length]!)
      times.push(performance.now() - began)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(index)))
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  const at = (share: number) => round(times[Math.floor(times.length * share)] ?? 0)
  return {
    unitsPerSecond: Math.round((times.length * 1000) / ms),
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    cpuMsPerUnit: round((user + system) / 1000 / times.length),
    loopMsPerUnit: round((performance.eventLoopUtilization(loop).utilization * ms) / times.length),
  }
}

function sendMessage(db: OpenDatabase, roomId: RoomId): Promise<EventId> {
  made += 1
  const eventId = `$${String(made).padStart(43, 'e')}` as EventId
  const txnPath = `/send/m.room.message/${made}`
  return db.commit((grant) => {
    const position = grant.position()
    const seq = grant.seq(roomId)
    const change: Change = {
      position,
      kind: 'event',
      roomId,
      eventId,
      seq,
      pdu: {},
      sender: '@a:example.org' as UserId,
      type: 'm.room.message',
      isCurrentState: false,
      historical: false,
      isLocal: true,
    }
    return {
      writes: [
        insertRow('event', {
          id: eventId,
          event_id: eventId,
          room_id: roomId,
          sender: '@a:example.org',
          type: 'm.room.message',
          depth: made,
          origin_server_ts: 1_750_000_000_000 + made,
          position,
          seq,
          status: 'accepted',
          pdu,
          node: 1,
        }),
        insertRow('timeline', { id: [roomId, seq], e: recordId('event', eventId), position }),
        insertRow('txn', { id: ['sid', txnPath], answer: JSON.stringify({ event_id: eventId }), created_at: made }),
        upsertRow('room', { id: roomId, extremities: [eventId], max_seq: seq, last_position: position, state_node: 1 }),
      ],
      changes: [change],
      result: eventId,
    }
  })
}

const round = (value: number) => Math.round(value * 1000) / 1000
