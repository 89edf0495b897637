/**
 * Deletes what lies in store for a device, piece by piece, before the device itself is deleted: it may be much, and no
 * transaction may be large. What comes in between goes with the device (`deleteDevice`).
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { readStoreIdsOfDevice } from '../store/device-store.js'
import type { Database } from '../store/reader.js'
import { inPieces } from '../store/write-size.js'

export async function clearDevice(db: Database, userId: UserId, deviceId: DeviceId): Promise<void> {
  const rows = await readStoreIdsOfDevice(db, userId, deviceId)
  for (const writes of inPieces(rows)) await db.commit(() => ({ writes, changes: [], result: undefined }))
}
