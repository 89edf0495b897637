/**
 * Turns the `Write`s of many commit units into one query: one statement per table and kind of write.
 *
 * Order is kept where it matters: two writes to one row happen in the order they were added. Writes to one row
 * that say the same together are merged here, because statements cost more than rows: an upsert after an
 * insert joins the inserted row, an upsert after an upsert replaces its fields. A `statement` may touch
 * anything, so all that came before it is written before it.
 */
import { idRange, type Rpc, recordId } from './rpc.js'
import type { Row, RowId, Write } from './writes.js'

export type PlannedQuery = { sql: string; bindings: Record<string, unknown>; rows: number }

/** Writes to one table that may run as inserts, then those of what is missing, then upserts, then deletes. */
type Segment = {
  inserts: Row[]
  missing: Map<string, Row>
  /** Index into `inserts` by id, of the latest insert. */
  inserted: Map<string, number>
  upserts: Map<string, Row>
  deletes: Map<string, RowId>
  range?: { from: RowId; to: RowId }
}
type Step = { table: string; segment: Segment } | { sql: string; bindings: Record<string, unknown> }

export class WritePlan {
  readonly #steps: Step[] = []
  /** The segment of each table that still takes writes. */
  #open = new Map<string, Segment>()
  readonly #schemafull: ReadonlySet<string>

  /** @param schemafull tables whose required fields an `INSERT` of some fields would not pass */
  constructor(schemafull: ReadonlySet<string> = new Set()) {
    this.#schemafull = schemafull
  }

  add(write: Write): void {
    switch (write.op) {
      case 'insert':
        this.#insert(write.table, write.row)
        break
      case 'insertMissing':
        this.#insertMissing(write.table, write.row)
        break
      case 'upsert':
        this.#upsert(write.table, write.row)
        break
      case 'delete':
        this.#segmentOf(write.table).deletes.set(keyOf(write.id), write.id)
        break
      case 'deleteRange':
        this.#newSegment(write.table).range = { from: write.from, to: write.to }
        this.#open.delete(write.table)
        break
      case 'statement':
        this.#open = new Map()
        this.#steps.push({ sql: write.sql, bindings: write.bindings })
    }
  }

  /** Tables that `insert`, `upsert`, `delete` and `deleteRange` touch; undefined when a `statement` may touch any. */
  get tables(): ReadonlySet<string> | undefined {
    const tables = new Set<string>()
    for (const step of this.#steps) {
      if ('sql' in step) return undefined
      tables.add(step.table)
    }
    return tables
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0
  }

  /** What a log may say of it: rows by table, never content. */
  summary(): Record<string, number> {
    const rows: Record<string, number> = {}
    for (const step of this.#steps) {
      const name = 'sql' in step ? step.sql.split(' ', 2).join(' ') : step.table
      const count = 'sql' in step ? 1 : sizeOf(step.segment)
      rows[name] = (rows[name] ?? 0) + count
    }
    return rows
  }

  /** Statements joined by `;`, without BEGIN and COMMIT. */
  toQuery(): PlannedQuery {
    const query = new QueryText(this.#schemafull)
    for (const step of this.#steps) {
      if ('sql' in step) query.addStatement(step.sql, step.bindings)
      else query.addSegment(step.table, step.segment)
    }
    return query.done()
  }

  #insert(table: string, row: Row): void {
    const key = keyOf(row.id)
    let segment = this.#segmentOf(table)
    if (segment.missing.has(key) || segment.upserts.has(key) || segment.deletes.has(key))
      segment = this.#newSegment(table)
    segment.inserted.set(key, segment.inserts.length)
    segment.inserts.push(row)
  }

  #insertMissing(table: string, row: Row): void {
    const key = keyOf(row.id)
    let segment = this.#segmentOf(table)
    if (segment.upserts.has(key) || segment.deletes.has(key)) segment = this.#newSegment(table)
    if (!segment.missing.has(key)) segment.missing.set(key, row)
  }

  #upsert(table: string, row: Row): void {
    const key = keyOf(row.id)
    let segment = this.#segmentOf(table)
    if (segment.deletes.has(key)) segment = this.#newSegment(table)
    const place = segment.inserted.get(key)
    if (place !== undefined) segment.inserts[place] = { ...segment.inserts[place]!, ...row }
    else segment.upserts.set(key, { ...segment.upserts.get(key), ...row })
  }

  #segmentOf(table: string): Segment {
    return this.#open.get(table) ?? this.#newSegment(table)
  }

  #newSegment(table: string): Segment {
    const segment: Segment = {
      ...{ inserts: [], inserted: new Map(), missing: new Map() },
      ...{ upserts: new Map(), deletes: new Map() },
    }
    this.#open.set(table, segment)
    this.#steps.push({ table, segment })
    return segment
  }
}

class QueryText {
  readonly #parts: string[] = []
  readonly #bindings: Record<string, unknown> = {}
  readonly #schemafull: ReadonlySet<string>
  #bound = 0
  #rows = 0

  constructor(schemafull: ReadonlySet<string>) {
    this.#schemafull = schemafull
  }

  addSegment(table: string, { inserts, missing, upserts, deletes, range }: Segment): void {
    const into = nameOf(table)
    if (range) {
      this.#push(`DELETE ${this.#bind(idRange(table, range.from, range.to))} RETURN NONE`, 1)
    }
    if (inserts.length > 0)
      this.#push(`INSERT INTO ${into} ${this.#bindRows(table, inserts.map(withoutNone))} RETURN NONE`, inserts.length)
    if (missing.size > 0) this.#insertIgnoring(table, [...missing.values()])
    for (const [fields, rows] of byFields(upserts.values()))
      if (fields.length === 0 && !this.#schemafull.has(table)) this.#insertIgnoring(table, rows)
      else this.#addUpserts(table, fields, rows)
    if (deletes.size > 0) {
      const ids = [...deletes.values()].map((id) => recordId(table, id))
      this.#push(`DELETE ${this.#bind(ids)} RETURN NONE`, ids.length)
    }
  }

  /** Its bindings get names of their own, because units bring statements with the same names. */
  addStatement(sql: string, bindings: Record<string, unknown>): void {
    const names = new Map<string, string>()
    for (const [name, value] of Object.entries(bindings)) names.set(name, this.#bind(value))
    this.#push(
      sql.replaceAll(/\$([A-Za-z_][A-Za-z0-9_]*)/g, (whole, name: string) => names.get(name) ?? whole),
      1,
    )
  }

  done(): PlannedQuery {
    return { sql: this.#parts.join(';'), bindings: this.#bindings, rows: this.#rows }
  }

  #insertIgnoring(table: string, rows: readonly Row[]): void {
    const source = this.#bindRows(table, rows.map(withoutNone))
    this.#push(`INSERT IGNORE INTO ${nameOf(table)} ${source} RETURN NONE`, rows.length)
  }

  #addUpserts(table: string, fields: readonly string[], rows: readonly Row[]): void {
    const source = this.#bindRows(table, rows)
    const names = fields.map(nameOf)
    if (this.#schemafull.has(table)) {
      const sets = names.map((name) => `${name}=$row.${name}`).join(',')
      const action = `UPSERT $row.id ${sets && `SET ${sets}`} RETURN NONE`
      this.#push(`FOR $row IN ${source} { ${action} }`, rows.length)
    } else {
      const sets = names.map((name) => `${name}=$input.${name}`).join(',')
      this.#push(`INSERT INTO ${nameOf(table)} ${source} ON DUPLICATE KEY UPDATE ${sets} RETURN NONE`, rows.length)
    }
  }

  #bindRows(table: string, rows: readonly Row[]): string {
    return this.#bind(rows.map((row) => ({ ...row, id: recordId(table, row.id) })))
  }

  #bind(value: unknown): string {
    const name = `b${this.#bound}`
    this.#bound += 1
    this.#bindings[name] = value
    return `$${name}`
  }

  #push(sql: string, rows: number): void {
    this.#parts.push(sql)
    this.#rows += rows
  }
}

/** One `ON DUPLICATE KEY UPDATE` sets the same fields in all its rows, so rows are grouped by the fields they name. */
function byFields(rows: Iterable<Row>): Iterable<[string[], Row[]]> {
  const groups = new Map<string, [string[], Row[]]>()
  for (const row of rows) {
    const fields = Object.keys(row)
      .filter((name) => name !== 'id')
      .sort()
    const key = fields.join(',')
    const group = groups.get(key)
    if (group) group[1].push(row)
    else groups.set(key, [fields, [row]])
  }
  return groups.values()
}

/** A row that is new has nothing that a NONE would remove. */
function withoutNone(row: Row): Row {
  const some: Row = { id: row.id }
  for (const name in row) if (row[name] !== undefined) some[name] = row[name]
  return some
}

const sizeOf = ({ inserts, missing, upserts, deletes }: Segment) =>
  inserts.length + missing.size + upserts.size + deletes.size

const keyOf = (id: RowId) => JSON.stringify(id)

const goodNames = new Set<string>()

/** Names go into the text of the query, so they are checked even though only our own code gives them. */
function nameOf(name: string): string {
  if (goodNames.has(name)) return name
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new TypeError(`not a table or field name: ${name}`)
  goodNames.add(name)
  return name
}

/** Checks what would go into the query's text, while it is still known whose writes these are. @throws TypeError */
export function checkNames(writes: readonly Write[]): void {
  for (const write of writes) {
    if (write.op === 'statement') continue
    nameOf(write.table)
    if (write.op === 'upsert') for (const name of Object.keys(write.row)) nameOf(name)
  }
}

/** Runs writes as one transaction outside the queue: at start, before there is one. */
export async function runPlan(rpc: Pick<Rpc, 'query'>, writes: readonly Write[]): Promise<void> {
  const plan = new WritePlan()
  for (const write of writes) plan.add(write)
  const { sql, bindings } = plan.toQuery()
  await rpc.query(`BEGIN;${sql};COMMIT`, bindings)
}
