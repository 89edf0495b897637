/**
 * One-time keys that may have been given out without our knowing: those of a database that was put back to an older copy.
 * They are dropped, and the devices upload new ones when /sync tells them that none is left.
 *
 * Two things show it: the data directory remembers a later position than the database has, or a device syncs from one. In
 * the second case nothing else is known, so that device's keys alone are dropped.
 */
import type { Clock } from '../kernel/clock.js'
import type { KeyedLock } from '../rooms/keyed-lock.js'
import {
  type Device,
  deleteClaimedKey,
  deleteOneTimeKey,
  deleteOneTimeKeyById,
  readKeysOfDevice,
  readOldClaimedKeys,
  readSomeOneTimeKeys,
} from '../store/one-time-key-store.js'
import type { Database } from '../store/reader.js'
import type { Write } from '../store/writes.js'
import { keyOfDevice } from './upload-keys.js'

const pieceRows = 500
/** How long it is remembered that a key was given out: no client repeats an upload after that. */
const claimedKeptMs = 90 * 24 * 60 * 60_000

const commit = (db: Database, writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))

/** Before anything is served. */
export async function forgetAllOneTimeKeys(db: Database): Promise<void> {
  for (;;) {
    const ids = await readSomeOneTimeKeys(db, pieceRows)
    if (ids.length === 0) return
    await commit(db, ids.map(deleteOneTimeKeyById))
  }
}

export type ForgetKeysOf = (device: Device) => Promise<void>

export function makeForgetKeysOf({ db, inTurnOfDevice }: { db: Database; inTurnOfDevice: KeyedLock }): ForgetKeysOf {
  return (device) =>
    inTurnOfDevice(keyOfDevice(device), async () => {
      const { oneTime } = await readKeysOfDevice(db, device, [])
      if (oneTime.length === 0) return
      await db.commit((grant) => ({
        writes: oneTime.map((row) => deleteOneTimeKey(device, row)),
        changes: [{ kind: 'key_counts', position: grant.position(), ...device }],
        result: undefined,
      }))
    })
}

/** Deletes at most `limit` rows. @returns how many it deleted; fewer than `limit` when none is left */
export const makeForgetClaimedKeys =
  ({ db, clock }: { db: Database; clock: Clock }) =>
  async (limit: number): Promise<number> => {
    const old = await readOldClaimedKeys(db, clock.now() - claimedKeptMs, limit)
    if (old.length > 0) await commit(db, old.map(deleteClaimedKey))
    return old.length
  }
