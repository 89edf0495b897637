/**
 * Whose devices changed between two syncs, for a client that has lost count.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges
 */
import type { UserId } from '../kernel/identifiers.js'
import type { Database } from '../store/reader.js'
import type { DeviceLists, ReadDeviceLists } from './device-lists.js'
import { readSince } from './sync-token.js'

/** @throws MatrixError 400 for what is no token of a sync */
export type ReadKeyChanges = (userId: UserId, from: string, to: string) => Promise<DeviceLists>

type Needs = { db: Pick<Database, 'position'>; readDeviceLists: ReadDeviceLists }

export function makeReadKeyChanges({ db, readDeviceLists }: Needs): ReadKeyChanges {
  return async (userId, from, to) => {
    const [since, upTo] = [readSince(from, db.position), readSince(to, db.position)]
    return readDeviceLists(userId, since.position, upTo.position)
  }
}
