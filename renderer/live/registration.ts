/**
 * Live queries as watches, and how several are put into one query.
 *
 * A query holds KILLs first, then for each watch its LIVE and its SELECTs, so that what is read is
 * read after the live query is there. Watches whose bindings differ under one name cannot share one.
 */
import type { Uuid } from 'surrealdb'

export type Change<Row> = { action: 'CREATE' | 'UPDATE' | 'DELETE'; row: Row }

export type Watch<Row> = {
  /** One LIVE statement, no semicolon. */
  live: string
  /** SELECTs that run once the live query is registered, e.g. to fill the store; asked anew at each start. */
  select?: () => { statements: string[]; bindings?: Record<string, unknown> }
  bindings?: () => Record<string, unknown>
  /** The rows of each SELECT, before any change. Called again after a reconnect. */
  onSnapshot(results: unknown[][]): void
  /** One notification; must not be async. */
  onChange(change: Change<Row>): void
}

/** A watch and its live query on the present channel, if it has one. */
export type Running = { watch: Watch<never>; id?: Uuid; isStopped: boolean }

export type Batch = {
  statements: string[]
  bindings: Record<string, unknown>
  /** How many watches and KILLs it is made of. */
  parts: number
  /** Gives the results of the statements to their watches. */
  take(results: unknown[], attach: (running: Running, id: Uuid) => void): void
  /** Each part on its own. */
  split(): Batch[]
}

type Part = { statements: string[]; bindings: Record<string, unknown>; running?: Running }

/** The bridge takes at most 64 statements. */
const mostStatements = 60

/** Stopped watches are left out; asking each watch for its SELECTs happens here, at the last moment. */
export function batchesOf(plan: { kills: readonly Uuid[]; starts: readonly Running[] }): Batch[] {
  const kills = plan.kills.map(
    (id, index): Part => ({
      statements: [`KILL $kill_${index}`],
      bindings: { [`kill_${index}`]: id },
    }),
  )
  const starts = [...new Set(plan.starts)].filter(({ isStopped }) => !isStopped).map(partOf)
  const groups: Part[][] = []
  for (const part of [...kills, ...starts]) {
    const last = groups.at(-1)
    if (last && fits(last, part)) last.push(part)
    else groups.push([part])
  }
  return groups.map(makeBatch)
}

function partOf(running: Running): Part {
  const { watch } = running
  const { statements = [], bindings = {} } = watch.select?.() ?? {}
  return { statements: [watch.live, ...statements], bindings: { ...watch.bindings?.(), ...bindings }, running }
}

function fits(group: readonly Part[], part: Part): boolean {
  const count = group.reduce((sum, each) => sum + each.statements.length, part.statements.length)
  const agrees = (name: string) =>
    group.every(({ bindings }) => !(name in bindings) || bindings[name] === part.bindings[name])
  return count <= mostStatements && Object.keys(part.bindings).every(agrees)
}

function makeBatch(parts: readonly Part[]): Batch {
  return {
    statements: parts.flatMap(({ statements }) => statements),
    bindings: Object.assign({}, ...parts.map(({ bindings }) => bindings)),
    parts: parts.length,
    take(results, attach) {
      let at = 0
      for (const { statements, running } of parts) {
        const [id, ...rows] = results.slice(at, at + statements.length)
        at += statements.length
        if (!running) continue
        if (!running.isStopped) running.watch.onSnapshot(rows as unknown[][])
        attach(running, id as Uuid)
      }
    },
    split: () => parts.map((part) => makeBatch([part])),
  }
}
