/** Writes live rows, registers live queries on their tables and waits to be killed. */
import { createLogger } from '../../../../server/kernel/logger.js'
import { openDatabase } from '../../../../server/store/database.js'
import { insertRow } from '../../../../server/store/writes.js'
import type { Say } from '../../../support/child.js'

export async function main({ dir, rows }: { dir: string; rows: number }, say: Say): Promise<void> {
  const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: createLogger('silent') })
  const events = Array.from({ length: rows }, (_, seq) =>
    insertRow('room_events', { id: ['!r:x', seq], room_id: '!r:x', seq, event: { type: 'm.room.message', n: seq } }),
  )
  await db.live.writeLive(events)
  await db.live.writeLive([insertRow('typing_events', { id: ['!r:x', '@a:x'], room_id: '!r:x' })])
  await db.live.withWritersPaused(undefined, () =>
    db.root.query('LIVE SELECT * FROM room_events; LIVE SELECT * FROM room_events; LIVE SELECT * FROM typing_events'),
  )
  say('ready')
  setInterval(() => {}, 1000)
  await new Promise(() => {})
}
