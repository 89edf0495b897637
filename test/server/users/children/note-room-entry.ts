/** Leaves in a database what the commit of an invited account leaves, where the server is killed right after it. */
import { openDatabase } from '../../../../server/store/database.js'
import { type RoomEntryRow, setRoomEntry } from '../../../../server/store/registration-token-store.js'
import { silentLogger } from '../../../support/database.js'

export async function main({ dataDir, row }: { dataDir: string; row: RoomEntryRow }): Promise<void> {
  const db = await openDatabase({ url: `rocksdb://${dataDir}/db`, logger: silentLogger })
  await db.commit(() => ({ writes: [setRoomEntry(row)], changes: [], result: undefined }))
  await db.close()
}
