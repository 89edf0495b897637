/**
 * How many keys of a device are left, as every /sync answer tells. Kept in memory until keys are uploaded or given out.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#e2e-extensions-to-sync
 */
import { VersionedCache } from '../kernel/versioned-cache.js'
import { type KeyCounts, readKeyCounts } from '../store/device-sync-store.js'
import type { Database } from '../store/reader.js'
import type { Device } from './to-device-inbox.js'

export type ReadKeyCounts = (device: Device) => Promise<KeyCounts>

const maxBytes = 2_000_000
const bytesEach = 300
const none: KeyCounts = { oneTimeKeys: {}, unusedFallbackKeys: [] }

const keyOf = ({ userId, deviceId }: Device) => JSON.stringify([userId, deviceId])

export function makeReadKeyCounts({ db }: { db: Database }): ReadKeyCounts {
  const kept = new VersionedCache<string, KeyCounts>('key_counts', maxBytes)
  db.onCommitted('memory', (changes) => {
    for (const change of changes) if (change.kind === 'key_counts') kept.delete(keyOf(change))
  })
  return async (device) => {
    const load = async () => ({ value: await readKeyCounts(db, device.userId, device.deviceId), bytes: bytesEach })
    return (await kept.get(keyOf(device), load)) ?? none
  }
}
