/**
 * `database.mark`: what a data directory knows of its database without opening it, beside `db/`.
 *
 * Which database it is, how far its stream had come, and its schema. A database that is missing, replaced, or has
 * lost its end (one bit flipped in the engine's log is enough) is noticed at the next start by it. The file is
 * written whole or not at all, at most once a second and at the end, so it is behind the last acknowledgement by
 * that second and the time of one write, and never ahead of it.
 */
import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import type { Clock, Timer } from '../kernel/clock.js'
import type { Logger } from '../kernel/logger.js'

export type DataMark = {
  /** Made up when the database was; the same number is in the database. */
  database_id: string
  /** Stream position that is durable. */
  position: number
  /** Number of the newest migration. */
  schema: number
}

/** @returns undefined where there is none, `broken` where it cannot be read */
export function readDataMark(path: string): DataMark | 'broken' | undefined {
  try {
    const { database_id, position, schema } = JSON.parse(readFileSync(path, 'utf8')) as Partial<DataMark>
    const isMark = typeof database_id === 'string' && Number.isInteger(position) && Number.isInteger(schema)
    return isMark ? ({ database_id, position, schema } as DataMark) : 'broken'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'broken'
  }
}

export const markEveryMs = 1_000

export class MarkKeeper {
  readonly #path: string
  readonly #clock: Clock
  readonly #logger: Logger
  #mark: DataMark
  #timer: Timer | undefined
  #writing: Promise<void> = Promise.resolve()
  #hasFailed = false

  constructor(path: string, mark: DataMark, { clock, logger }: { clock: Clock; logger: Logger }) {
    this.#path = path
    this.#mark = mark
    this.#clock = clock
    this.#logger = logger
  }

  /** That position is durable. */
  note(position: number): void {
    if (position <= this.#mark.position) return
    this.#mark = { ...this.#mark, position }
    this.#timer ??= this.#clock.after(markEveryMs, () => {
      this.#timer = undefined
      void this.write()
    })
  }

  /** Writes what is known. A disk that is full is logged once: the mark stays behind then. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        await writeWhole(this.#path, `${JSON.stringify(this.#mark)}\n`)
        this.#hasFailed = false
      } catch (error) {
        if (!this.#hasFailed) this.#logger.warn({ err: error }, 'the mark of the database was not written')
        this.#hasFailed = true
      }
    })
    return this.#writing
  }

  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.write()
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}
