/** Fifty lanes commit events of four rows each and say which were acknowledged, until the process is killed. */
import type { RoomId } from '../../../../server/kernel/identifiers.js'
import { createLogger } from '../../../../server/kernel/logger.js'
import { openDatabase } from '../../../../server/store/database.js'
import { type Change, insertRow, type RoomSeq, upsertRow } from '../../../../server/store/writes.js'
import type { Say } from '../../../support/child.js'

export type Acknowledged = { id: string; position: number; seq: number }

export async function main({ dir, run }: { dir: string; run: number }, say: Say): Promise<void> {
  const db = await openDatabase({ url: `rocksdb://${dir}/db`, logger: createLogger('silent') })
  const room = '!r:x' as RoomId
  const [newest] = await db.query<[{ seq: number }[]]>('SELECT seq FROM event ORDER BY seq DESC LIMIT 1')
  db.seedRoom(room, { maxSeq: (newest[0]?.seq ?? 0) as RoomSeq })
  say({ started: db.position })

  const lane = async (name: string) => {
    for (let n = 0; ; n++) {
      const id = `$${run}-${name}-${n}`
      const acknowledged = await db.commit<Acknowledged>((grant) => {
        const position = grant.position()
        const seq = grant.seq(room)
        const change: Change = { position, kind: 'state', roomId: room }
        const writes = [
          insertRow('event', { id, position, seq }),
          insertRow('timeline', { id: [room, seq], event_id: id, position }),
          upsertRow('room', { id: room, max_seq: seq, last_position: position }),
        ]
        return { writes, changes: [change], result: { id, position, seq } }
      })
      say(acknowledged)
    }
  }
  await Promise.all(Array.from({ length: 50 }, (_, name) => lane(String(name))))
}
