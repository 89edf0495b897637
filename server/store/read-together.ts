/**
 * Reads of many things at once: what is asked for in one turn goes to the database as one query.
 *
 * A query costs about what three rows cost, whatever it asks for, and loading a room is half a dozen of them: a
 * hundred rooms are loaded for little more than their rows.
 */
import type { Reader } from './reader.js'

type Waiting = {
  sql: string
  bindings: Record<string, unknown>
  statements: number
  resolve(answer: unknown[]): void
  reject(error: unknown): void
}

/** @returns a reader whose statements fail together; none may have a `;` within it */
export function makeReadTogether(db: Reader): Reader {
  let waiting: Waiting[] = []

  async function flush(): Promise<void> {
    const asked = waiting
    waiting = []
    const bindings: Record<string, unknown> = {}
    const sql = asked.map((each, at) => {
      for (const [name, value] of Object.entries(each.bindings)) bindings[`${name}_${at}`] = value
      return each.sql.replace(/\$(\w+)/g, (_, name: string) => `$${name}_${at}`)
    })
    try {
      const answers = await db.query<unknown[]>(sql.join(';'), bindings)
      let start = 0
      for (const { statements, resolve } of asked) {
        resolve(answers.slice(start, start + statements))
        start += statements
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }

  return {
    query: <T extends unknown[]>(sql: string, bindings: Record<string, unknown> = {}) =>
      new Promise<T>((resolve, reject) => {
        if (waiting.length === 0) queueMicrotask(() => void flush())
        const statements = sql.split(';').filter((text) => text.trim() !== '').length
        waiting.push({ sql, bindings, statements, resolve: resolve as (answer: unknown[]) => void, reject })
      }),
  }
}
