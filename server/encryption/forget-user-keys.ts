/**
 * What an account that is closed leaves behind of encryption: its cross-signing keys, what vouches for them, and its key backups,
 * whose keys are deleted piece by piece later (`purgeBackups`). Its devices go by themselves. It may be done again.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#account-deactivation
 */
import type { UserId } from '../kernel/identifiers.js'
import { deleteCrossSigningKey, deleteKeySignature, readKeyBundles } from '../store/device-key-store.js'
import { readKeyBackups, setKeyBackup } from '../store/key-backup-store.js'
import type { Database } from '../store/reader.js'
import { deviceListChanged } from './device-list-changed.js'

export async function forgetUserKeys(db: Database, userId: UserId): Promise<void> {
  const [[bundle], backups] = await Promise.all([readKeyBundles(db, [userId]), readKeyBackups(db, userId)])
  const writes = [
    ...(bundle?.crossSigning ?? []).map(({ usage }) => deleteCrossSigningKey(userId, usage)),
    ...(bundle?.signatures ?? []).slice(0, 5_000).map((row) => deleteKeySignature(userId, row)),
    ...backups.filter(({ is_deleted }) => !is_deleted).map((row) => setKeyBackup(row, { is_deleted: true })),
  ]
  if (writes.length === 0) return
  await db.commit((grant) => {
    const told = deviceListChanged(grant, userId, [])
    return { writes: [...writes, ...told.writes], changes: told.changes, result: undefined }
  })
}
