/**
 * A log file of bounded size: hearth.log, then hearth.1.log … hearth.4.log, oldest last.
 *
 * Writing is synchronous, so that the line that explains a crash is on disk when the process dies.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const maxBytes = 5 * 1024 * 1024
const keptFiles = 5

/** A destination for pino. */
export type RotatingLog = { path: string; write(line: string): void; close(): void }

/** @param limit bytes after which a new file begins; one line may go over it */
export function openRotatingLog(folder: string, limit = maxBytes): RotatingLog {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const nameOf = (age: number) => join(folder, age === 0 ? 'hearth.log' : `hearth.${age}.log`)
  const open = () => openSync(nameOf(0), 'a', 0o600)
  let file = open()
  let size = fstatSync(file).size
  const rotate = () => {
    closeSync(file)
    for (let age = keptFiles - 2; age >= 0; age--) {
      try {
        renameSync(nameOf(age), nameOf(age + 1))
      } catch {
        // no file of that age yet
      }
    }
    file = open()
    size = fstatSync(file).size
  }
  return {
    path: nameOf(0),
    write(line) {
      if (size >= limit) rotate()
      size += writeSync(file, line)
    },
    close: () => closeSync(file),
  }
}
