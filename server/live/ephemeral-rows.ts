/**
 * `typing_events` and `user_presence`: rows of what is never committed. One row per (room, user) and per user.
 *
 * The writers return at once; rows are written one batch after the other, the newest state of each row
 * only. Whoever cares about typing or presence itself (`sync/`) holds it in memory; these are for watching.
 */

import type { Clock } from '../kernel/clock.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { PresenceRow, TypingRow } from '../kernel/live-rows.js'
import type { Logger } from '../kernel/logger.js'
import type { LiveTables } from '../store/live.js'
import type { Reader } from '../store/reader.js'
import { deleteRow, upsertRow, type Write } from '../store/writes.js'

export type EphemeralRows = {
  writeTyping(row: TypingRow): void
  deleteTyping(roomId: RoomId, userId: UserId): void
  /** Unchanged but for its times, a presence is written at most once a minute. */
  writePresence(row: PresenceRow): void
  deletePresence(userId: UserId): void
  /** Resolves when everything asked for so far is written. */
  settled(): Promise<void>
}

const unchangedPresenceMs = 60_000
const maxPresences = 20_000

export type EphemeralNeeds = {
  live: Pick<LiveTables, 'writeLive'>
  /** Resolves when those who may see the presence of these users can; must not throw. */
  beforePresence(userIds: readonly UserId[]): Promise<void>
  clock: Clock
  logger: Logger
}

export function makeEphemeralRows({ live, clock, logger, beforePresence }: EphemeralNeeds): EphemeralRows {
  const waiting = new Map<string, Write>()
  const typing = new Set<string>()
  /** Users whose presence waits. */
  const present = new Set<UserId>()
  const presences = new Map<string, { text: string; at: number }>()
  let running: Promise<void> | undefined

  function put(key: string, write: Write): void {
    waiting.set(key, write)
    running ??= Promise.resolve().then(drain)
  }

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const writes = [...waiting.values()]
      const userIds = [...present]
      waiting.clear()
      present.clear()
      if (userIds.length > 0) await beforePresence(userIds)
      await live
        .writeLive(writes)
        .catch((error: unknown) => logger.error({ err: error }, 'typing or presence rows were not written'))
    }
    running = undefined
  }

  return {
    writeTyping(row) {
      const key = `typing ${row.room_id} ${row.user_id}`
      typing.add(key)
      put(key, upsertRow('typing_events', { id: [row.room_id, row.user_id], ...row }))
    },
    deleteTyping(roomId, userId) {
      const key = `typing ${roomId} ${userId}`
      if (typing.delete(key)) put(key, deleteRow('typing_events', [roomId, userId]))
    },
    writePresence(row) {
      const { presence, currently_active, status_msg } = row
      const text = JSON.stringify([presence, currently_active, status_msg])
      const last = presences.get(row.user_id)
      if (last?.text === text && clock.now() - last.at < unchangedPresenceMs) return
      presences.delete(row.user_id)
      presences.set(row.user_id, { text, at: clock.now() })
      if (presences.size > maxPresences) presences.delete(presences.keys().next().value ?? '')
      present.add(row.user_id as UserId) // a row that sync made
      put(`presence ${row.user_id}`, upsertRow('user_presence', { id: row.user_id, ...row, status_msg }))
    },
    deletePresence(userId) {
      presences.delete(userId)
      put(`presence ${userId}`, deleteRow('user_presence', userId))
    },
    async settled() {
      await running
    },
  }
}

/** At start: nobody types, and nobody is known to be online. To be run before live queries are let in. */
export async function resetEphemeralRows(db: Reader): Promise<void> {
  await db.query(
    `DELETE typing_events RETURN NONE;
     UPDATE user_presence SET presence = 'offline', currently_active = false WHERE presence != 'offline' RETURN NONE`,
  )
}
