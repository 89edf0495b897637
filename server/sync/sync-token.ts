/**
 * Sync tokens: `s1_<position>_<boot>_<serial>`, and `_<position>` of the last message to the device where not all
 * of them fitted into the answer.
 *
 * Everything durable is behind the stream position. Typing and presence live in memory: their serial
 * counts from 0 in each process and is worth something only to the process that gave it out, whose
 * boot ID stands beside it. So a token survives a restart, and after one all ephemeral data count as new.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#syncing
 */
import { invalidParam, MatrixError } from '../kernel/errors.js'
import type { StreamPosition } from '../store/writes.js'

export type SyncToken = {
  position: StreamPosition
  boot: string
  serial: number
  /** Messages to the device after this position have not been told; undefined: all up to `position` have. */
  toDevice?: number | undefined
}

const pattern = /^s1_(\d{1,16})_([A-Za-z0-9]{1,32})_(\d{1,16})(?:_(\d{1,16}))?$/

export const formatSyncToken = ({ position, boot, serial, toDevice }: SyncToken) =>
  `s1_${position}_${boot}_${serial}${toDevice === undefined ? '' : `_${toDevice}`}`

/** Undefined for anything that is not a sync token. */
export function parseSyncToken(text: string): SyncToken | undefined {
  const match = pattern.exec(text)
  if (!match) return undefined
  const position = Number(match[1])
  const serial = Number(match[3])
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(serial)) return undefined
  const toDevice = match[4] === undefined ? undefined : Math.min(Number(match[4]), position)
  return { position: position as StreamPosition, boot: match[2] ?? '', serial, toDevice }
}

/**
 * A client's `since`.
 *
 * @param now the last durable position
 * @throws MatrixError 400 `M_INVALID_PARAM` for what is no token, 400 `M_UNKNOWN_POS` for a position
 *   this server never reached (its data directory was put back to an older copy)
 */
export function readSince(text: string, now: StreamPosition): SyncToken {
  const token = parseSyncToken(text)
  if (!token) throw invalidParam('since is not a token of this server')
  if (token.position > now) throw new MatrixError(400, 'M_UNKNOWN_POS', 'since is ahead of this server: sync afresh')
  return token
}
