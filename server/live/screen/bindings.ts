/**
 * Screens the values that a client binds to its query.
 *
 * Only plain data and ids of readable tables pass: a binding can otherwise carry a future or a closure,
 * which the engine would run, or the id of a record in a table that is nobody's business.
 * A binding overrides a session variable of the same name (measured), so `$user_id` and `$device_id`
 * are set to the session's own values wherever a client sends them.
 */
import { DateTime, Duration, RecordId, RecordIdRange, Table, Uuid } from 'surrealdb'
import { Refused } from './tokens.js'
import { protectedParams, readableTables } from './vocabulary.js'

/** Whose session it is: what `$user_id` and `$device_id` are, whatever the client says. */
export type SessionValues = { user_id: string; device_id: string }

const maxBindings = 256
const maxValues = 5_000
const maxDepth = 6

/**
 * @param given what the client sent as bindings
 * @throws Refused for anything but plain data and readable record ids
 */
export function screenBindings(given: unknown, forced: SessionValues): Record<string, unknown> {
  if (given === undefined || given === null) return {}
  if (!isPlainObject(given)) throw new Refused('bindings must be an object')
  const entries = Object.entries(given)
  if (entries.length > maxBindings) throw new Refused(`at most ${maxBindings} bindings`)
  const budget = { left: maxValues }
  const screened: Record<string, unknown> = {}
  for (const [name, value] of entries) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) throw new Refused('a binding has a name that is not allowed')
    if (protectedParams.has(name)) throw new Refused(`$${name} cannot be bound`)
    if (name === 'user_id' || name === 'device_id') screened[name] = forced[name]
    else {
      screenValue(value, budget, 0)
      screened[name] = value
    }
  }
  return screened
}

function screenValue(value: unknown, budget: { left: number }, depth: number): void {
  if (--budget.left < 0) throw new Refused(`bindings hold more than ${maxValues} values`)
  if (depth > maxDepth) throw new Refused('bindings are nested too deeply')
  if (value === null || value === undefined) return
  const kind = typeof value
  if (kind === 'string' || kind === 'number' || kind === 'boolean' || kind === 'bigint') return
  if (value instanceof Uuid || value instanceof DateTime || value instanceof Duration || value instanceof Date) return
  if (value instanceof Table) {
    screenTable(value.name)
    return
  }
  if (value instanceof RecordId) {
    screenTable(value.table.name)
    screenValue(value.id, budget, depth + 1)
    return
  }
  if (value instanceof RecordIdRange) {
    screenTable(value.table.name)
    for (const bound of [value.begin, value.end]) screenValue(bound?.value, budget, depth + 1)
    return
  }
  if (Array.isArray(value)) {
    for (const each of value) screenValue(each, budget, depth + 1)
    return
  }
  if (isPlainObject(value)) {
    for (const each of Object.values(value)) screenValue(each, budget, depth + 1)
    return
  }
  throw new Refused('a binding holds a kind of value that is not allowed')
}

function screenTable(name: unknown): void {
  if (typeof name !== 'string' || !readableTables.has(name))
    throw new Refused('a binding names a table that cannot be read')
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
