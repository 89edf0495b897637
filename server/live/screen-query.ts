/**
 * The statement screen: which queries a record session may run, and in which words they reach the engine.
 *
 * PERMISSIONS already decide what a session may see. The screen keeps it from exhausting the process
 * (a record session may otherwise double strings, loop, nest subqueries, sleep: all inside the engine's
 * own timeout) and from reading through constructs whose permissions behave differently in LIVE.
 *
 * It is a recogniser of a small language, not a list of forbidden words: what it does not know is
 * refused. And it does not pass the client's text on, it writes its own from what it understood, so
 * engine and screen cannot disagree about a comment, an escape or a glued sign.
 *
 *   query     := statement (";" statement)*                      at most 64
 *   statement := select | LIVE SELECT (DIFF | fields) FROM table [WHERE expr] | KILL (uuid | $param)
 *   select    := SELECT ([VALUE] fields) FROM [ONLY] target ("," target)* [WHERE expr] [GROUP [BY] paths | GROUP ALL]
 *                [ORDER [BY] path [ASC|DESC] …] [LIMIT n] [START n]
 *   expr      := operand (operator operand)*      one subquery deep, and no subquery in a live query
 *
 * Each SELECT ends in a LIMIT and a TIMEOUT of ours. Grammar of the whole language:
 * https://surrealdb.com/docs/surrealql
 */
import { RecordId, RecordIdRange, Table, Uuid } from 'surrealdb'
import { type SessionValues, screenBindings } from './screen/bindings.js'
import { quoteString, Refused, type Token, tokenise } from './screen/tokens.js'
import {
  allowedFunctions,
  largeTables,
  operators,
  readableTables,
  reservedWords,
  sessionParams,
  setOperators,
} from './screen/vocabulary.js'

export type ScreenedStatement =
  | { kind: 'select'; sql: string; tables: readonly string[] }
  /** `weight`: what a write to the table pays for it, a plain one being 1. */
  | { kind: 'live'; sql: string; table: string; weight: number }
  | { kind: 'kill'; sql: string; liveId: string }

export type Verdict =
  | {
      allowed: true
      sql: string
      statements: readonly ScreenedStatement[]
      bindings: Record<string, unknown>
      /** Reads a large table without a range: costs in proportion to the server, not to the answer. */
      isScan: boolean
    }
  | { allowed: false; reason: string }

export const screenLimits = {
  statements: 64,
  textBytes: 16_384,
  /** Rows of a SELECT that names no limit, and the most it can name. */
  rows: 1_000,
  /** Rows of a two-sided id range in a table whose rows are small and whose size the room bounds. */
  rangeRows: 20_000,
  /** Depth of parentheses and brackets. */
  depth: 12,
  /** Words and signs in a live query: every write of its table pays for its WHERE. */
  liveTokens: 200,
  /** Bound values that the WHERE of a live query may look at for each write; a text of 64 characters counts as one. */
  liveValues: 2_000,
  /** The engine cuts a SELECT off after this many milliseconds … */
  selectTimeoutMs: 2_000,
  /** … and sooner where a query has many: together they may take about this, each at least the least. */
  selectsTimeoutMs: 10_000,
  leastSelectTimeoutMs: 250,
  /** Of a live query's weight (measured against a plain one): this many bound values, words and signs, looked-up records weigh 1. */
  valuesOfWeight: 1_000,
  tokensOfWeight: 200,
  lookupsOfWeight: 1,
} as const

/**
 * @param text  the query as the client wrote it
 * @param given its bindings, decoded
 * @param forced the session's own user and device
 */
export function screenQuery(text: unknown, given: unknown, forced: SessionValues): Verdict {
  try {
    if (typeof text !== 'string') throw new Refused('a query must be text')
    if (Buffer.byteLength(text) > screenLimits.textBytes)
      throw new Refused(`a query may have at most ${screenLimits.textBytes} bytes`)
    const bindings = screenBindings(given, forced)
    const parser = new Parser(tokenise(text), bindings)
    const statements = withTimeouts(parser.query())
    const sql = statements.map((statement) => statement.sql).join('; ')
    return { allowed: true, sql, statements, bindings, isScan: parser.isScan }
  } catch (error) {
    if (error instanceof Refused) return { allowed: false, reason: error.message }
    throw error
  }
}

function withTimeouts(statements: readonly ScreenedStatement[]): ScreenedStatement[] {
  const { selectTimeoutMs, selectsTimeoutMs, leastSelectTimeoutMs } = screenLimits
  const selects = statements.filter(({ kind }) => kind === 'select').length
  const timeoutMs = Math.min(selectTimeoutMs, Math.max(leastSelectTimeoutMs, Math.floor(selectsTimeoutMs / selects)))
  return statements.map((each) =>
    each.kind === 'select' ? { ...each, sql: `${each.sql} TIMEOUT ${timeoutMs}ms` } : each,
  )
}

type Target = { sql: string; table: string; shape: 'table' | 'record' | 'half range' | 'range' }
/** Where an expression stands: what is allowed in it differs. */
type Place = { subqueries: boolean; literals: boolean; live?: boolean }

const inFields: Place = { subqueries: false, literals: false }
const inSelect: Place = { subqueries: true, literals: true }
const inLive: Place = { subqueries: false, literals: true, live: true }

/** How many plain values there are in a binding, a long text counting as several. */
function weigh(value: unknown): number {
  if (typeof value === 'string') return 1 + (value.length >> 6)
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + weigh(each), 1)
  if (value instanceof RecordId) return 1 + weigh(value.id)
  if (typeof value === 'object' && value !== null) return weigh(Object.values(value))
  return 1
}

class Parser {
  isScan = false
  private next = 0
  private depth = 0
  /** Bound values named so far, each time they are named. */
  private weight = 0
  /** Records read by an expression: `type::record(…)`, `$auth.name`. */
  private lookups = 0

  constructor(
    private readonly tokens: readonly Token[],
    private readonly bindings: Readonly<Record<string, unknown>>,
  ) {}

  query(): ScreenedStatement[] {
    const statements: ScreenedStatement[] = []
    while (!this.isAtEnd()) {
      if (this.takeMark(';')) continue
      statements.push(this.statement())
      if (statements.length > screenLimits.statements)
        throw new Refused(`a query may have at most ${screenLimits.statements} statements`)
      if (!this.isAtEnd()) this.expectMark(';')
    }
    if (statements.length === 0) throw new Refused('a query must have a statement')
    return statements
  }

  private statement(): ScreenedStatement {
    if (this.takeWord('KILL')) return this.kill()
    if (this.takeWord('LIVE')) return this.live()
    if (this.isWord('SELECT')) {
      const { sql, tables } = this.select(inSelect)
      return { kind: 'select', sql, tables }
    }
    throw new Refused('a statement must begin with SELECT, LIVE SELECT or KILL')
  }

  // ── KILL and LIVE ────────────────────────────────────────────────────────────────────────────

  private kill(): ScreenedStatement {
    const token = this.take()
    const value =
      token.kind === 'uuid' || token.kind === 'string'
        ? token.value
        : token.kind === 'param'
          ? this.bindings[token.name]
          : undefined
    const liveId = (value instanceof Uuid ? value.toString() : typeof value === 'string' ? value : '').toLowerCase()
    if (!/^[0-9a-f-]{36}$/.test(liveId)) throw new Refused('KILL needs the id of a live query')
    return { kind: 'kill', liveId, sql: `KILL u"${liveId}"` }
  }

  private live(): ScreenedStatement {
    const start = this.next
    this.weight = 0
    this.lookups = 0
    this.expectWord('SELECT')
    const fields = this.takeWord('DIFF') ? 'DIFF' : this.fields()
    this.expectWord('FROM')
    const { sql: from, table, shape } = this.target()
    if (shape !== 'table') throw new Refused('LIVE SELECT must name a table, not a record or a range')
    const where = this.takeWord('WHERE') ? ` WHERE ${this.expression(inLive)}` : ''
    if (this.next - start > screenLimits.liveTokens) throw new Refused('the live query is too long')
    if (this.weight > screenLimits.liveValues)
      throw new Refused(`a live query may compare with at most ${screenLimits.liveValues} bound values`)
    const { valuesOfWeight, tokensOfWeight, lookupsOfWeight } = screenLimits
    const weight =
      1 + this.weight / valuesOfWeight + (this.next - start) / tokensOfWeight + this.lookups / lookupsOfWeight
    return { kind: 'live', table, weight, sql: `LIVE SELECT ${fields} FROM ${from}${where}` }
  }

  // ── SELECT ───────────────────────────────────────────────────────────────────────────────────

  private select(place: Place): { sql: string; tables: string[] } {
    this.expectWord('SELECT')
    const fields = this.fields()
    this.expectWord('FROM')
    const only = this.takeWord('ONLY') ? 'ONLY ' : ''
    const targets = this.list(() => this.target())
    if (targets.some(({ table, shape }) => largeTables.has(table) && /table|half/.test(shape))) this.isScan = true
    if (targets.length > 8) throw new Refused('a SELECT may have at most 8 targets')
    let sql = `SELECT ${fields} FROM ${only}${targets.map((target) => target.sql).join(', ')}`
    if (this.takeWord('WHERE')) sql += ` WHERE ${this.expression(place)}`
    // Without it the engine's planner fails on some fields of records that are bound ("Specify a database to use").
    else if (targets.some(({ sql: text, shape }) => shape === 'record' && text.startsWith('$'))) sql += ' WHERE true'
    if (this.takeWord('GROUP')) sql += this.group(fields)
    if (this.takeWord('ORDER')) {
      // Sorting holds every visible row in memory, so the range must bound them.
      if (targets.some(({ table, shape }) => table === 'room_events' && /table|half/.test(shape)))
        throw new Refused('ORDER BY on room_events needs a range with both ends')
      sql += ` ORDER BY ${this.orders()}`
    }
    sql += this.limits(targets)
    return { sql, tables: targets.map(({ table }) => table) }
  }

  /** A field that is neither a key nor an aggregate would collect every row of its group in memory. */
  private group(fields: string): string {
    const all = this.takeWord('ALL')
    if (!all) this.takeWord('BY')
    const keys = all ? [] : this.list(() => this.name())
    if (keys.some((key) => /^`?(event|content)`?$/.test(key))) throw new Refused('rows cannot be grouped by their body')
    const isBounded = (field: string) =>
      keys.includes(field) || /^(count|math::max|math::min|math::sum)\([^(]*\)( AS [\w`]+)?$/.test(field)
    if (!fields.split(', ').every(isBounded)) throw new Refused('with GROUP, fields are keys or count, math::max, …')
    return all ? ' GROUP ALL' : ` GROUP BY ${keys.join(', ')}`
  }

  private orders(): string {
    this.takeWord('BY')
    return this.list(() => {
      const path = this.path()
      if (this.takeWord('DESC')) return `${path} DESC`
      this.takeWord('ASC')
      return path
    }).join(', ')
  }

  private limits(targets: readonly Target[]): string {
    const bounded = (target: Target) => target.shape === 'range' && target.table !== 'room_events'
    const most = targets.every(bounded) ? screenLimits.rangeRows : screenLimits.rows
    let limit: number = most
    let start = ''
    for (;;) {
      if (this.takeWord('LIMIT')) {
        this.takeWord('BY')
        limit = Math.min(this.wholeNumber('LIMIT'), most)
      } else if (this.takeWord('START')) {
        this.takeWord('AT')
        start = ` START ${this.wholeNumber('START')}`
      } else return ` LIMIT ${limit}${start}`
    }
  }

  private wholeNumber(clause: string): number {
    const token = this.take()
    const bound = token.kind === 'param' ? this.bindings[token.name] : undefined
    const value = token.kind === 'number' ? Number(token.text) : typeof bound === 'number' ? bound : Number.NaN
    if (!Number.isSafeInteger(value) || value < 0) throw new Refused(`${clause} needs a whole number`)
    return value
  }

  /** `*`, or paths and functions of paths: constants would be copied into each row. */
  private fields(): string {
    if (this.takeWord('VALUE')) return `VALUE ${this.expression(inFields)}`
    let aliases = 0
    const fields = this.list(() => {
      if (this.takeMark('*')) return '*'
      const field = this.expression(inFields)
      if (!this.takeWord('AS')) return field
      aliases++
      return `${field} AS ${this.name()}`
    })
    // Each alias may be a copy of the row's body.
    if (fields.length > 40 || aliases > 8) throw new Refused('a SELECT may have at most 40 fields and 8 aliases')
    return fields.join(', ')
  }

  // ── what is read ─────────────────────────────────────────────────────────────────────────────

  private target(): Target {
    const token = this.peek
    if (token.kind === 'param') return this.boundTarget()
    if (token.kind !== 'word') throw new Refused('FROM must name a table, a record or a range')
    if (this.markAt(1) === '::') return this.recordFunctionTarget()
    const table = this.tableName()
    if (!this.isGluedMark(':')) return { sql: table, table, shape: 'table' }
    return { table, ...this.recordId(table) }
  }

  /** `$ids`, `$table`: decided by the value that is bound. */
  private boundTarget(): Target {
    const token = this.take()
    if (token.kind !== 'param') throw new Refused('a parameter was expected')
    const sql = `$${token.name}`
    const value = this.bindings[token.name]
    if (value instanceof Table) return { sql, table: value.name, shape: 'table' }
    if (value instanceof RecordId) return { sql, table: value.table.name, shape: 'record' }
    if (value instanceof RecordIdRange)
      return { sql, table: value.table.name, shape: value.begin && value.end ? 'range' : 'half range' }
    if (Array.isArray(value) && value.length > 0 && value.every((each) => each instanceof RecordId))
      return { sql, table: (value[0] as RecordId).table.name, shape: 'record' }
    throw new Refused(`FROM $${token.name} needs a record id, a range or a table bound to it`)
  }

  private recordFunctionTarget(): Target {
    const token = this.tokens[this.next + 4]
    const sql = this.call(inSelect)
    if (!sql.startsWith('type::record(') || token?.kind !== 'string')
      throw new Refused('FROM must name a table, a record or a range')
    return { sql, table: token.value, shape: 'record' }
  }

  /** After the table: `:key`, `:a..b`, `:[…]..=[…]`, `:a>..b`. */
  private recordId(table: string): Pick<Target, 'sql' | 'shape'> {
    this.expectMark(':')
    const from = this.isMark('..') || this.isMark('..=') ? '' : this.recordKey()
    const dots = ['..', '..=', '>..', '>..='].find((mark) => this.takeMark(mark))
    if (!dots) return { sql: `${table}:${from}`, shape: 'record' }
    const hasEnd = this.peek.glued && (this.isMark('[') || ['number', 'quoted'].includes(this.peek.kind))
    const to = hasEnd ? this.recordKey() : ''
    if (dots.endsWith('=') && !to) throw new Refused('a range has no end')
    return { sql: `${table}:${from}${dots}${to}`, shape: from && to ? 'range' : 'half range' }
  }

  private recordKey(): string {
    const token = this.take()
    if (token.kind === 'number' && /^[0-9]+$/.test(token.text)) return token.text
    if (token.kind === 'quoted') return `⟨${token.text}⟩`
    if (token.kind === 'word') return `⟨${token.text}⟩`
    if (token.kind === 'mark' && token.text === '[') return this.arrayKey()
    throw new Refused('a record id has a form that is not allowed')
  }

  /** The inside of `[$room, 17]` or `[$room, ..]`. */
  private arrayKey(): string {
    const parts = this.list(() => {
      if (this.takeMark('..')) return '..'
      const token = this.take()
      if (token.kind === 'param') return this.param(token.name)
      if (token.kind === 'string') return quoteString(token.value)
      if (token.kind === 'number') return token.text
      if (token.kind === 'word' && token.upper === 'NONE') return 'NONE'
      if (token.kind === 'mark' && token.text === '-' && this.peek.kind === 'number') return `-${this.numberText()}`
      throw new Refused('a record id has a form that is not allowed')
    })
    this.expectMark(']')
    return `[${parts.join(', ')}]`
  }

  private numberText(): string {
    const token = this.take()
    if (token.kind !== 'number') throw new Refused('a number was expected')
    return token.text
  }

  // ── expressions ──────────────────────────────────────────────────────────────────────────────

  private expression(place: Place): string {
    if (++this.depth > screenLimits.depth) throw new Refused('the query is nested too deeply')
    let sql = this.operand(place)
    for (let operator = this.takeOperator(); operator; operator = this.takeOperator()) {
      // Comparing each with each: what a write would wait for grows with the product.
      if (place.live && setOperators.has(operator)) throw new Refused(`${operator} is not allowed in a live query`)
      sql += ` ${operator} ${this.operand(place)}`
    }
    this.depth--
    return sql
  }

  private takeOperator(): string | undefined {
    for (const words of operators) {
      if (!words.every((word, ahead) => this.isOperatorWord(this.tokens[this.next + ahead], word))) continue
      this.next += words.length
      return words.join(' ')
    }
    return undefined
  }

  private isOperatorWord(token: Token | undefined, word: string): boolean {
    return (token?.kind === 'word' && token.upper === word) || (token?.kind === 'mark' && token.text === word)
  }

  private operand(place: Place): string {
    const token = this.peek
    if (this.takeMark('!')) {
      if (++this.depth > screenLimits.depth) throw new Refused('the query is nested too deeply')
      const sql = `!${this.operand(place)}`
      this.depth--
      return sql
    }
    if (token.kind === 'string' && place.literals) {
      this.next++
      return quoteString(token.value)
    }
    if (token.kind === 'uuid') {
      this.next++
      return `u"${token.value}"`
    }
    if (token.kind === 'number') return this.numberText()
    if (this.takeMark('-')) return `-${this.numberText()}`
    if (token.kind === 'param') return this.paramPath(place)
    if (this.takeMark('(')) return this.parenthesised(place)
    if (this.isMark('[') && place.literals) return this.array(place)
    if (token.kind === 'word' || token.kind === 'quoted') return this.wordOperand(place)
    throw new Refused(`an operand was expected at character ${token.at + 1}`)
  }

  private wordOperand(place: Place): string {
    const token = this.peek
    if (token.kind === 'word') {
      if (['TRUE', 'FALSE', 'NULL', 'NONE'].includes(token.upper)) {
        this.next++
        return token.upper
      }
      if (this.markAt(1) === '(' || this.markAt(1) === '::') return this.call(place) + this.pathRest()
      if (this.markAt(1) === ':' && this.tokens[this.next + 1]?.glued) {
        if (!place.literals) throw new Refused('a record id is not allowed here')
        const { sql, shape } = this.recordId(this.tableName())
        if (shape !== 'record') throw new Refused('a range is not allowed here')
        return sql
      }
    }
    return this.path()
  }

  private parenthesised(place: Place): string {
    if (!this.isWord('SELECT')) {
      const sql = this.expression(place)
      this.expectMark(')')
      return `(${sql})`
    }
    if (!place.subqueries) throw new Refused('a subquery is not allowed here')
    if (++this.depth > screenLimits.depth) throw new Refused('the query is nested too deeply')
    const { sql } = this.select({ subqueries: false, literals: true })
    this.depth--
    this.expectMark(')')
    return `(${sql})`
  }

  private array(place: Place): string {
    this.expectMark('[')
    if (this.takeMark(']')) return '[]'
    const items = this.list(() => this.expression(place))
    this.expectMark(']')
    return `[${items.join(', ')}]`
  }

  private call(place: Place): string {
    let name = this.word()
    while (this.takeMark('::')) name += `::${this.word()}`
    if (!allowedFunctions.has(name)) throw new Refused(`the function ${name} is not allowed`)
    this.expectMark('(')
    if (name === 'type::record') {
      if (!place.literals) throw new Refused('type::record is not allowed here')
      return this.typeRecord()
    }
    if (++this.depth > screenLimits.depth) throw new Refused('the query is nested too deeply')
    const args = this.isMark(')') ? [] : this.list(() => this.expression({ ...place, subqueries: false }))
    this.depth--
    this.expectMark(')')
    return `${name}(${args.join(', ')})`
  }

  /** `type::record("room_members", [$room, $user_id])`: the table must be written out and readable. */
  private typeRecord(): string {
    this.lookups++
    const token = this.take()
    if (token.kind !== 'string' || !readableTables.has(token.value))
      throw new Refused('type::record needs the name of a readable table in quotes')
    this.expectMark(',')
    const key = this.expression({ subqueries: false, literals: true })
    this.expectMark(')')
    return `type::record(${quoteString(token.value)}, ${key})`
  }

  private paramPath(place: Place): string {
    const token = this.take()
    if (token.kind !== 'param') throw new Refused('a parameter was expected')
    // In a field list a bound value would be copied into each row of the answer.
    if (!place.literals && !sessionParams.has(token.name)) throw new Refused('a bound parameter is not allowed here')
    const rest = this.pathRest()
    if (token.name === 'auth' && rest) this.lookups++
    return this.param(token.name) + rest
  }

  private param(name: string): string {
    if (!sessionParams.has(name) && !Object.hasOwn(this.bindings, name)) throw new Refused(`$${name} is not bound`)
    this.weight += weigh(this.bindings[name])
    return `$${name}`
  }

  /** `event.content.body`, `id[1]`: fields only, no methods, graph steps, filters or destructuring. */
  private path(): string {
    return this.name() + this.pathRest()
  }

  private pathRest(): string {
    let sql = ''
    for (;;) {
      if (this.takeMark('.')) sql += `.${this.takeMark('*') ? '*' : this.name(true)}`
      else if (this.isMark('[') && this.peek.glued) {
        this.expectMark('[')
        const minus = this.takeMark('-') ? '-' : ''
        sql += `[${minus}${this.numberText()}]`
        this.expectMark(']')
      } else if (this.isMark('(')) throw new Refused('calling a value as a function is not allowed')
      else return sql
    }
  }

  /** @param afterDot where a reserved word can only be a field */
  private name(afterDot = false): string {
    const token = this.take()
    if (token.kind === 'quoted') return `\`${token.text}\``
    if (token.kind !== 'word') throw new Refused(`a name was expected at character ${token.at + 1}`)
    if (reservedWords.has(token.upper)) {
      if (afterDot) return `\`${token.text}\``
      throw new Refused(`${token.upper} is not allowed here`)
    }
    return token.text
  }

  private tableName(): string {
    const token = this.take()
    if (token.kind !== 'word' || !readableTables.has(token.text)) {
      const shown = token.kind === 'word' || token.kind === 'quoted' ? token.text : 'this'
      throw new Refused(`${shown} is not a table that can be read`)
    }
    return token.text
  }

  // ── tokens ───────────────────────────────────────────────────────────────────────────────────

  private isAtEnd(): boolean {
    return this.peek.kind === 'end'
  }

  private get peek(): Token {
    return this.tokens[Math.min(this.next, this.tokens.length - 1)]!
  }

  private take(): Token {
    const token = this.peek
    this.next++
    return token
  }

  private word(): string {
    const token = this.take()
    if (token.kind !== 'word') throw new Refused('a name was expected')
    return token.text
  }

  private list<Item>(item: () => Item): Item[] {
    const items = [item()]
    while (this.takeMark(',')) items.push(item())
    return items
  }

  private isWord(upper: string): boolean {
    return this.peek.kind === 'word' && this.peek.upper === upper
  }

  private takeWord(upper: string): boolean {
    if (!this.isWord(upper)) return false
    this.next++
    return true
  }

  private expectWord(upper: string): void {
    if (!this.takeWord(upper)) throw new Refused(`${upper} was expected at character ${this.peek.at + 1}`)
  }

  private isMark(text: string): boolean {
    return this.peek.kind === 'mark' && this.peek.text === text
  }

  private isGluedMark(text: string): boolean {
    return this.isMark(text) && this.peek.glued
  }

  private markAt(ahead: number): string | undefined {
    const token = this.tokens[this.next + ahead]
    return token?.kind === 'mark' ? token.text : undefined
  }

  private takeMark(text: string): boolean {
    if (!this.isMark(text)) return false
    this.next++
    return true
  }

  private expectMark(text: string): void {
    if (!this.takeMark(text)) throw new Refused(`${JSON.stringify(text)} was expected at character ${this.peek.at + 1}`)
  }
}
