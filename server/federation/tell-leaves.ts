/**
 * Leaves that no server took at once: told later, until one has them, over restarts. Otherwise a room would go on
 * thinking that somebody is invited who has declined.
 *
 * What is untold is a row that was written with the leave. It is tried at growing distances, and soon when one of its
 * servers is heard from (not at once: what it has to say may be another invite). It goes when a server has answered, with whatever it answered, or when it is not true any more:
 * the user was invited again, or came in.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites
 */
import type { JsonObject } from '../events/pdu.js'
import type { Clock, Timer } from '../kernel/clock.js'
import type { RoomId, ServerName, UserId } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Rooms } from '../rooms/room.js'
import type { Database } from '../store/reader.js'
import {
  deleteUntoldLeave,
  readUntoldLeave,
  readUntoldLeaves,
  setUntoldLeave,
  type UntoldLeaveRow,
} from '../store/untold-leave-store.js'
import type { Change } from '../store/writes.js'
import type { Destinations } from './destinations.js'
import { FederationError } from './federation-error.js'

export type LeaveTeller = {
  onChanges(changes: readonly Change[]): void
  start(): Promise<void>
  /** Nothing more is begun. */
  stop(): void
  /** Resolves when nothing is under way any more. */
  close(): Promise<void>
}

type LeaveRequest = { roomId: RoomId; userId: UserId; content: JsonObject }

type Needs = {
  db: Database
  clock: Pick<Clock, 'after'>
  log: Logger
  rooms: Pick<Rooms, 'membershipsOf'>
  destinations: Pick<Destinations, 'onHealed'>
  /** @throws FederationError */
  sendLeave(via: ServerName, request: LeaveRequest): Promise<unknown>
}

type Waiting = { row: UntoldLeaveRow; tries: number; timer?: Timer; isTrying: boolean }

const firstDelayMs = 5_000
const longestDelayMs = 12 * 3_600_000
/** More wait for the next start. */
const maxWaiting = 5_000

const keyOf = ({ user_id, room_id }: Pick<UntoldLeaveRow, 'user_id' | 'room_id'>) => `${user_id} ${room_id}`

export function makeLeaveTeller({ db, clock, log, rooms, destinations, sendLeave }: Needs): LeaveTeller {
  const waiting = new Map<string, Waiting>()
  const going = new Set<Promise<void>>()
  let isClosed = false
  let stopListening: (() => void) | undefined

  const keep = (promise: Promise<void>) => {
    const settled = promise
      .catch((error: unknown) => log.warn({ err: error }, 'a leave could not be told'))
      .finally(() => going.delete(settled))
    going.add(settled)
  }

  function add(row: UntoldLeaveRow): void {
    const key = keyOf(row)
    waiting.get(key)?.timer?.cancel()
    if (isClosed || (waiting.size >= maxWaiting && !waiting.has(key))) return
    const entry: Waiting = { row, tries: 0, isTrying: false }
    waiting.set(key, entry)
    schedule(entry)
  }

  function trySoon(server: ServerName): void {
    for (const entry of waiting.values()) {
      if (entry.isTrying || !entry.row.via.includes(server)) continue
      entry.timer?.cancel()
      entry.tries = 0
      schedule(entry)
    }
  }

  function schedule(entry: Waiting): void {
    if (isClosed || waiting.get(keyOf(entry.row)) !== entry) return
    const delayMs = Math.min(firstDelayMs * 2 ** entry.tries, longestDelayMs)
    entry.timer = clock.after(delayMs, () => keep(attempt(entry)))
  }

  async function attempt(entry: Waiting): Promise<void> {
    if (isClosed || entry.isTrying) return
    entry.timer?.cancel()
    entry.isTrying = true
    entry.tries++
    try {
      const left = (await isStillSo(entry.row)) ? await tell(entry.row) : []
      await settle(entry, left)
    } finally {
      entry.isTrying = false
      schedule(entry)
    }
  }

  async function isStillSo({ user_id, room_id, event_id }: UntoldLeaveRow): Promise<boolean> {
    const held = (await rooms.membershipsOf(user_id)).get(room_id)
    return held?.membership === 'leave' && held.eventId === event_id
  }

  /** @returns servers that still could not be reached; none once one of them took it */
  async function tell({ user_id, room_id, content, via }: UntoldLeaveRow): Promise<ServerName[]> {
    const silent: ServerName[] = []
    for (const server of via) {
      try {
        await sendLeave(server, { roomId: room_id, userId: user_id, content: JSON.parse(content) })
        return []
      } catch (error) {
        if (!(error instanceof FederationError)) throw error
        if (isSilence(error)) silent.push(server)
        else log.info({ destination: server, roomId: room_id, err: error.message }, 'a leave is not wanted any more')
      }
    }
    return silent
  }

  async function settle(entry: Waiting, left: ServerName[]): Promise<void> {
    const { row } = entry
    if (left.length === row.via.length) return
    const isDone = left.length === 0
    // Another leave of the same room may have been written meanwhile: that one is not told yet.
    const stored = await readUntoldLeave(db, row.user_id, row.room_id)
    if (stored?.event_id === row.event_id) {
      const write = isDone ? deleteUntoldLeave(row) : setUntoldLeave({ ...row, via: left })
      await db.commit(() => ({ writes: [write], changes: [], result: undefined }))
    }
    if (!isDone) entry.row = { ...row, via: left }
    else if (waiting.get(keyOf(row)) === entry) waiting.delete(keyOf(row))
  }

  return {
    onChanges(changes) {
      for (const change of changes) {
        if (change.kind !== 'membership' || change.membership !== 'leave') continue
        keep(
          readUntoldLeave(db, change.userId, change.roomId).then((row) => {
            if (row) add(row)
          }),
        )
      }
    },
    async start() {
      stopListening = destinations.onHealed(trySoon)
      for (const row of await readUntoldLeaves(db, maxWaiting)) if (!waiting.has(keyOf(row))) add(row)
    },
    stop() {
      isClosed = true
      stopListening?.()
      for (const { timer } of waiting.values()) timer?.cancel()
    },
    async close() {
      await Promise.all(going)
    },
  }
}

/** Whether the server may take the leave another time: one that refuses has been told all that it wants to hear. */
export const isSilence = (error: FederationError): boolean =>
  error.isOutage || error.failure === 'backing-off' || error.failure === 'aborted'
