/** A database of 100,000 events: how soon it serves, what memory it takes, how many bytes an event costs. */

import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { roomVersionRules } from '../../server/events/room-versions.js'
import type { EventId, RoomId } from '../../server/kernel/identifiers.js'
import { signEvent } from '../../server/rooms/build-event.js'
import { MatrixClient } from '../support/matrix-client.js'
import { makeSigner, user } from '../support/rooms.js'
import { startServerProcess } from '../support/server-process.js'
import type { BenchOptions } from './bench.js'
import { median } from './measure.js'

export async function benchColdStart({ quick }: BenchOptions): Promise<object> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-bench-'))
  try {
    const events = quick ? 2_000 : 100_000
    const pduBytes = await fill(dataDir, events)
    const starts: number[] = []
    for (let i = 0; i < 5; i++) {
      const server = await startServerProcess({ dataDir })
      starts.push(server.readyMs)
      await server.stop()
    }
    const server = await startServerProcess({ dataDir })
    await new Promise((resolve) => setTimeout(resolve, quick ? 2_000 : 60_000))
    const rssMb = await readRssMb(server.pid)
    await server.stop()
    const databaseBytes = Number(
      spawnSync('du', ['-sb', join(dataDir, 'db')])
        .stdout.toString()
        .split('\t')[0],
    )
    return {
      events,
      cold_start_ms: median(starts),
      rss_mb_after_a_minute: rssMb,
      bytes_per_event: Math.round(databaseBytes / events),
      bytes_per_event_against_pdu_json: Number((databaseBytes / events / pduBytes).toFixed(2)),
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** @returns bytes of one PDU's JSON, as federation would send it */
async function fill(dataDir: string, events: number): Promise<number> {
  const server = await startServerProcess({ dataDir })
  const clients = await Promise.all(Array.from({ length: 20 }, (_, i) => MatrixClient.register(server.url, `user${i}`)))
  const [first] = clients as [MatrixClient, ...MatrixClient[]]
  const rooms = await Promise.all(Array.from({ length: 50 }, () => first.createRoom({ preset: 'public_chat' })))
  await Promise.all(rooms.flatMap((roomId) => clients.slice(1).map((client) => client.join(roomId))))
  let left = events
  const words =
    'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore'.split(' ')
  const body = () =>
    Array.from(
      { length: 60 },
      () => `${words[Math.floor(Math.random() * words.length)]}${Math.floor(Math.random() * 1000)}`,
    )
      .join(' ')
      .slice(0, 420)
  await Promise.all(
    Array.from({ length: 100 }, async (_, lane) => {
      const client = clients[lane % clients.length]
      while (left-- > 0) await client?.send(rooms[left % rooms.length] ?? '', { msgtype: 'm.text', body: body() })
    }),
  )
  await new Promise((resolve) => setTimeout(resolve, 3_000)) // the projector may still write
  await server.stop()
  return pduBytes(body())
}

/** Bytes of such a message's PDU, as federation sends it. */
function pduBytes(body: string): number {
  const signer = makeSigner()
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
  return Buffer.byteLength(signEvent(unsigned, rules, signer).json)
}

async function readRssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024)
}
