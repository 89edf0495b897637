/** A real database in a temporary directory: RocksDB, because the other engines lose concurrent updates. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../server/kernel/logger.js'
import { type OpenDatabase, type OpenDatabaseOptions, openDatabase } from '../../server/store/database.js'

export const silentLogger = createLogger('silent')

/** For `await using`: closes the database and removes its directory at the end of the block. */
export type TestDatabase = OpenDatabase & AsyncDisposable & { readonly dir: string }

/** A new, migrated database. Many may be open at once; the same directory cannot be opened twice in one process. */
export async function openTestDatabase(options: Partial<OpenDatabaseOptions> = {}): Promise<TestDatabase> {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-test-'))
  const database = await openDatabase({ url: `rocksdb://${dir}/db`, logger: silentLogger, ...options })
  return Object.defineProperties({} as TestDatabase, {
    ...Object.getOwnPropertyDescriptors(database),
    dir: { value: dir },
    [Symbol.asyncDispose]: {
      value: async () => {
        await database.close()
        await rm(dir, { recursive: true, force: true })
      },
    },
  })
}
