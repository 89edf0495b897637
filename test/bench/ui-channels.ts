/**
 * User interfaces as the server sees them: unmodified SurrealDB SDKs over WebSocket in a process of their own, each with
 * a live query on a room's events. Tells how long rows took from send to arrival.
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
  /** Rows that came since the last report; delays in ms. */
  | { kind: 'report'; rows: number; delays: number[] }

// With the default the SDK's handler misses rows that come in one tick.
class PatientWebSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { allowSynchronousEvents: false })
  }
}

export async function main({ url, channels }: UiChannelArguments, say: Say): Promise<void> {
  let rows = 0
  let delays: number[] = []
  for (const { accessToken, roomId } of channels) {
    const live = await call(url, 'POST', '/_hearth/client/v1/live_token', {}, accessToken)
    const db = new Surreal({ websocketImpl: PatientWebSocket as unknown as typeof globalThis.WebSocket })
    await db.connect(String(live.url).replace(/^http/, 'ws'), {
      namespace: String(live.namespace),
      database: String(live.database),
      authentication: String(live.token),
    })
    const [id] = await db.query<[Uuid]>('LIVE SELECT * FROM room_events WHERE room_id = $room_id', { room_id: roomId })
    const subscription = await db.liveOf(id)
    subscription.subscribe((message: LiveMessage) => {
      const sentAt = (message.value as { event?: { content?: { sent_at?: number } } } | undefined)?.event?.content
        ?.sent_at
      if (sentAt === undefined) return
      rows++
      delays.push(Date.now() - sentAt)
    })
  }
  say({ kind: 'subscribed' })
  process.on('message', () => {
    say({ kind: 'report', rows, delays })
    rows = 0
    delays = []
  })
  await new Promise(() => {})
}
