/** kill -9 while fifty clients send: after the restart every acknowledged event is there once, in order, and /sync has no gap. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Json, MatrixClient, RequestError } from '../support/matrix-client.js'
import { type ServerProcess, startServerProcess } from '../support/server-process.js'

const rounds = Number(process.env.CRASH_ROUNDS ?? 20)
const senders = 50
const roomCount = 5

type Sent = { body: string; eventId: string }

test(`${rounds} crashes lose nothing that was acknowledged`, { timeout: 20 * 60_000 }, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'hearth-crash-'))
  let server = await startServerProcess({ dataDir })
  try {
    const clients = await Promise.all(
      Array.from({ length: senders }, (_, i) => MatrixClient.register(server.url, `sender${i}`)),
    )
    const watcher = await MatrixClient.register(server.url, 'watcher')
    const rooms = await Promise.all(
      Array.from({ length: roomCount }, () => watcher.createRoom({ preset: 'public_chat' })),
    )
    const roomOf = (lane: number) => rooms[lane % roomCount] as string
    await Promise.all(clients.map((client, lane) => client.join(roomOf(lane))))
    let since = String((await watcher.sync({ timeout: 0 })).next_batch)
    const seen = new Map<string, string[]>(rooms.map((roomId) => [roomId, []]))
    let acknowledged = 0

    for (let round = 0; round < rounds; round++) {
      const sent = await sendUntilKilled(server, clients, roomOf, 300 + Math.random() * 700)
      server = await startServerProcess({ dataDir })
      const reader = watcher.at(server.url)

      const next = await readSince(reader, since, rooms)
      since = next.since
      for (const roomId of rooms) seen.get(roomId)?.push(...(next.events.get(roomId) ?? []))

      for (const [lane, own] of sent.entries()) {
        acknowledged += own.length
        const timeline = seen.get(roomOf(lane)) ?? []
        const places = own.map(({ eventId }) => timeline.indexOf(eventId))
        expect(places.includes(-1), `round ${round}: an acknowledged event of sender ${lane} is missing`).toBe(false)
        expect(places, `round ${round}: events of sender ${lane} are out of order`).toEqual(
          [...places].sort((a, b) => a - b),
        )
      }
      for (const [roomId, timeline] of seen)
        expect(new Set(timeline).size, `round ${round}: ${roomId} has an event twice`).toBe(timeline.length)
    }
    console.log(`crash: ${rounds} rounds, ${acknowledged} acknowledged events, all there once`)
    expect(acknowledged).toBeGreaterThan(rounds * 10)
  } finally {
    await server.kill()
    await rm(dataDir, { recursive: true, force: true })
  }
})

/** Every client sends one message after the other until the process is gone; what was answered with 200 comes back. */
async function sendUntilKilled(
  server: ServerProcess,
  clients: readonly MatrixClient[],
  roomOf: (lane: number) => string,
  afterMs: number,
): Promise<Sent[][]> {
  let isDead = false
  const lanes = clients.map(async (client, lane) => {
    const own: Sent[] = []
    const at = client.at(server.url)
    while (!isDead) {
      const body = `${lane} ${performance.now()}`
      try {
        own.push({ body, eventId: await at.send(roomOf(lane), { msgtype: 'm.text', body }, `t${Math.random()}`) })
      } catch (error) {
        if (error instanceof RequestError) throw error // a refusal is no crash
        break
      }
    }
    return own
  })
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  await server.kill()
  isDead = true
  return Promise.all(lanes)
}

type RoomTimeline = { events: { event_id: string }[]; limited?: boolean; prev_batch?: string }

/** All timeline events since a token, gaps filled through /messages as a client would. */
async function readSince(client: MatrixClient, since: string, rooms: readonly string[]) {
  const events = new Map<string, string[]>()
  const answer = await client.sync({ since, timeout: 0 })
  const joined = ((answer.rooms as Json | undefined)?.join ?? {}) as Record<string, { timeline: RoomTimeline }>
  for (const roomId of rooms) {
    const timeline = joined[roomId]?.timeline
    if (!timeline) continue
    const own = timeline.events.map(({ event_id }) => event_id)
    if (timeline.limited) own.unshift(...(await readGap(client, roomId, String(timeline.prev_batch), since)))
    events.set(roomId, own)
  }
  return { since: String(answer.next_batch), events }
}

/** Events between `to` (older, exclusive) and `from`, oldest first. */
async function readGap(client: MatrixClient, roomId: string, from: string, to: string): Promise<string[]> {
  const newestFirst: string[] = []
  for (let token: string | undefined = from; token; ) {
    const query = new URLSearchParams({ dir: 'b', limit: '100', from: token, to })
    const page = await client.call('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?${query}`)
    newestFirst.push(...(page.chunk as { event_id: string }[]).map(({ event_id }) => event_id))
    token = page.end === undefined ? undefined : String(page.end)
  }
  return newestFirst.reverse()
}
