/**
 * Windows as the server sees them: unmodified SurrealDB SDKs over WebSocket in a process of their own, each with a live
 * query on a room's events and one on its room list. As the real window does, each reads by range what it was not told of: bulk goes
 * in silently, and the room's line in the list then says how far it is. Lag is from an event's own time to its arrival.
 *
 * Run through child-entry.mjs; ends with its parent.
 */
import { type LiveMessage, Surreal, type Uuid } from 'surrealdb'
import WebSocket from 'ws'
import type { Say } from '../support/child.js'
import { call } from '../support/matrix-client.js'

export type UiChannelArguments = { url: string; channels: { accessToken: string; roomId: string }[] }
export type UiChannelMessage =
  | { kind: 'subscribed' }
  /** Events that came since the last report; delays in ms; this process's CPU time so far. */
  | { kind: 'report'; serial: number; rows: number; delays: number[]; cpuMs: number }

// With the default the SDK's handler misses rows that come in one tick.
class PatientWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { allowSynchronousEvents: false })
  }
}

type Row = { seq: number; event: { origin_server_ts: number } }

class UiWindow {
  delays: number[] = []
  readonly #seen = new Set<number>()
  /** Everything up to here has been seen. */
  #complete = 0
  #wanted = 0
  #isReading = false

  constructor(
    private readonly db: Surreal,
    private readonly room: string,
  ) {}

  async start(): Promise<void> {
    const range = 'SELECT max_seq FROM room_summaries:[$user_id, $room]'
    const [events, lines, found] = await this.db.query<[Uuid, Uuid, { max_seq: number }[]]>(
      `LIVE SELECT seq, event FROM room_events WHERE room_id = $room; LIVE SELECT room_id, max_seq FROM room_summaries; ${range}`,
      { room: this.room },
    )
    this.#complete = this.#wanted = found[0]?.max_seq ?? 0
    ;(await this.db.liveOf(events)).subscribe(({ value }: LiveMessage) => {
      const row = value as Row
      this.#take(row)
      if (row.seq <= this.#complete) return // or something before it was not told
      this.#wanted = Math.max(this.#wanted, row.seq)
      void this.#catchUp()
    })
    ;(await this.db.liveOf(lines)).subscribe(({ value }: LiveMessage) => {
      const line = value as { room_id: string; max_seq: number }
      if (line.room_id !== this.room || line.max_seq <= this.#wanted) return
      this.#wanted = line.max_seq
      void this.#catchUp()
    })
  }

  #take({ seq, event }: Row): void {
    if (seq <= this.#complete || this.#seen.has(seq)) return
    this.delays.push(Date.now() - event.origin_server_ts)
    this.#seen.add(seq)
    while (this.#seen.delete(this.#complete + 1)) this.#complete++
  }

  /** Reads what is missing up to what the room's line says. */
  async #catchUp(): Promise<void> {
    if (this.#isReading) return
    this.#isReading = true
    for (let from = this.#complete + 1; this.#wanted >= from; from = this.#complete + 1) {
      const [rows] = await this.db.query<[Row[]]>('SELECT seq, event FROM room_events:[$room, $from]..=[$room, $to]', {
        ...{ room: this.room, from, to: Math.min(this.#wanted, from + 999) },
      })
      for (const row of rows) this.#take(row)
      if (this.#complete < from) break // not in the table yet: something will be told of it
    }
    this.#isReading = false
  }
}

export async function main({ url, channels }: UiChannelArguments, say: Say): Promise<void> {
  const windows: UiWindow[] = []
  for (const { accessToken, roomId } of channels) {
    const live = await call(url, 'POST', '/_hearth/client/v1/live_token', {}, accessToken)
    const db = new Surreal({ websocketImpl: PatientWebSocket as unknown as typeof globalThis.WebSocket })
    await db.connect(String(live.url).replace(/^http/, 'ws'), {
      namespace: String(live.namespace),
      database: String(live.database),
      authentication: String(live.token),
    })
    const window = new UiWindow(db, roomId)
    await window.start()
    windows.push(window)
  }
  say({ kind: 'subscribed' })
  let serial = 0
  const count = () => windows.reduce((sum, { delays }) => sum + delays.length, 0)
  process.on('message', async ({ expected, withinMs }: { expected: number; withinMs: number }) => {
    const end = Date.now() + withinMs
    while (count() < expected && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
    const { user, system } = process.cpuUsage()
    const delays = windows.flatMap((window) => window.delays.splice(0))
    say({ kind: 'report', serial: ++serial, rows: delays.length, delays, cpuMs: Math.round((user + system) / 1000) })
  })
  await new Promise(() => {})
}
