/** The text of the program's own sources, for tests that ask whether something is used at all. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const repo = resolve(import.meta.dirname, '../..')

/** @param folders below the repository. @param except ends of paths that do not count */
export function readSources(folders: readonly string[], except: readonly string[]): { path: string; text: string }[] {
  return folders
    .flatMap((folder) => readdirSync(join(repo, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !except.some((end) => path.endsWith(end)))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }))
}
