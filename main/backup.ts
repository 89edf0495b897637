/**
 * The copy of the database taken before an update replaces the program: backups/<version>-<time>.
 *
 * Taken from a closed database. Sizes are compared afterwards and the copy is given its final name
 * only then, so a folder with that name is a whole copy. Three are kept.
 */
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { dataDirLayout } from '../server/kernel/data-dir.js'

const kept = 3
const namePattern = /^(.+)-\d{8}T\d{6}Z$/

/** `0.2.0` at that time → `0.2.0-20261122T101500Z` */
export const backupName = (version: string, now: Date) =>
  `${version}-${now.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '')}`

/** Those to delete so that the `kept` newest stay; names that are not ours are left alone. */
export const outdatedBackups = (names: readonly string[]) =>
  names
    .filter((name) => namePattern.test(name))
    .sort((a, b) => (timeIn(a) < timeIn(b) ? 1 : -1))
    .slice(kept)

const timeIn = (name: string) => name.slice(name.lastIndexOf('-') + 1)

/**
 * @returns the folder of the copy, or undefined when there is no database yet
 * @throws Error when the copy is not as large as the original; nothing is kept of it then
 */
export async function backUpDatabase(dataDir: string, version: string, now: Date): Promise<string | undefined> {
  const { database, backups } = dataDirLayout(dataDir)
  const expected = await sizeOf(database)
  if (expected === undefined) return undefined
  const folder = join(backups, backupName(version, now))
  const draft = `${folder}.partial`
  await mkdir(backups, { recursive: true, mode: 0o700 })
  try {
    await cp(database, join(draft, 'db'), { recursive: true })
    const copied = await sizeOf(join(draft, 'db'))
    if (copied !== expected) throw new Error(`the copy has ${copied} bytes instead of ${expected}`)
    await rename(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
  for (const name of outdatedBackups(await readdir(backups)))
    await rm(join(backups, name), { recursive: true, force: true })
  return folder
}

/** Bytes of all files below a folder; undefined when there is none. */
async function sizeOf(folder: string): Promise<number | undefined> {
  let names: string[]
  try {
    names = await readdir(folder, { recursive: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const sizes = await Promise.all(
    names.map(async (name) => {
      const found = await stat(join(folder, name))
      return found.isFile() ? found.size : 0
    }),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
