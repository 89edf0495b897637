/**
 * Deletes what lies in store for a device, piece by piece, before the device itself is deleted: it may be much, and no
 * transaction may be large. What comes in between goes with the device (`deleteDevice`).
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { clearRanges } from '../store/clear-ranges.js'
import { rangesOfDevice } from '../store/device-store.js'
import type { Database } from '../store/reader.js'

export const clearDevice = (db: Database, userId: UserId, deviceId: DeviceId): Promise<void> =>
  clearRanges(db, rangesOfDevice(userId, deviceId), (writes) =>
    db.commit(() => ({ writes, changes: [], result: undefined })),
  )
