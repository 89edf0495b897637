/**
 * Forgets changes of device lists that nobody asks for any more: those of a user whose devices changed again since. Who
 * asks what changed since some time is told of the user by the newest of them.
 *
 * What other servers have not been told yet stays: they are told of each device.
 */
import { deleteDeviceListChange } from '../store/device-key-store.js'
import { readDeviceListMark, readDeviceListRows } from '../store/device-stream-store.js'
import type { Database } from '../store/reader.js'

/** Positions at the end of the stream that are left alone: who reads there now reads by position. */
const margin = 1_000
const rowsAtOnce = 500

/** Deletes about `limit` rows at a time, over all of them. @returns how many it deleted; fewer than `limit` at the end */
export function makeForgetDeviceListChanges({ db }: { db: Database }): (limit: number) => Promise<number> {
  let after = 0
  /** The newest change so far of each user, and of each that only one is told of. */
  const newest = new Map<string, number>()

  return async (limit) => {
    const upTo = Math.min(db.position - margin, (await readDeviceListMark(db)) ?? Number.POSITIVE_INFINITY)
    const old: number[] = []
    while (old.length < limit) {
      const rows = upTo > after ? await readDeviceListRows(db, after, upTo, rowsAtOnce) : []
      for (const { position, user_id, only_for = '' } of rows) {
        const key = `${user_id} ${only_for}`
        const before = newest.get(key)
        if (before !== undefined) old.push(before)
        newest.set(key, position)
        after = position
      }
      if (rows.length === rowsAtOnce) continue
      after = 0
      newest.clear()
      break
    }
    if (old.length > 0)
      await db.commit(() => ({ writes: old.map(deleteDeviceListChange), changes: [], result: undefined }))
    return old.length
  }
}
