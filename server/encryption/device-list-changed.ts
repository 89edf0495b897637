/** The row and the change that tell others that a user's devices or keys changed. */
import type { DeviceId, UserId } from '../kernel/identifiers.js'
import { insertDeviceListChange } from '../store/device-key-store.js'
import type { Change, Grant, Write } from '../store/writes.js'

/**
 * @param deviceIds which devices; none: the cross-signing keys
 * @param onlyFor the only user who is told, where the change is nobody else's to see
 */
export function deviceListChanged(
  grant: Grant,
  userId: UserId,
  deviceIds: readonly DeviceId[],
  onlyFor?: UserId,
): { writes: Write[]; changes: Change[] } {
  const position = grant.position()
  return {
    writes: [insertDeviceListChange(position, userId, deviceIds, onlyFor)],
    changes: [{ kind: 'device_list', position, userId, ...(onlyFor !== undefined && { onlyFor }) }],
  }
}
