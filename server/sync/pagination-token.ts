/**
 * Pagination tokens: `t1_<seq>`, the gap before the event with that seq of the room.
 *
 * Going backwards from it begins with seq - 1, going forwards with seq. History that is backfilled later
 * takes smaller numbers, so a token stays good. Wherever one is taken, a sync token is taken too: it
 * stands for the gap after the last event up to its position.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#pagination
 */
import { invalidParam } from '../kernel/errors.js'
import type { Room, Rooms } from '../rooms/room.js'
import { readSeqAt } from './seq-at-position.js'
import { parseSyncToken } from './sync-token.js'

const pattern = /^t1_(-?\d{1,15})$/

export const formatGap = (seq: number) => `t1_${seq}`

/** @throws MatrixError 400 `M_INVALID_PARAM` for what is no token */
export async function readGap(rooms: Pick<Rooms, 'readTimeline'>, room: Room, token: string): Promise<number> {
  const match = pattern.exec(token)
  if (match) return Number(match[1])
  const sync = parseSyncToken(token)
  if (!sync) throw invalidParam('the pagination token is not one of this server')
  return (await readSeqAt(rooms, room, sync.position)) + 1
}
