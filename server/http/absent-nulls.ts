/**
 * `null` for an optional member of a body is as if the member were absent: some languages write it so.
 *
 * What is required, what may be null and what has no named members (the content of events) stays as it came.
 */
import type { TSchema } from 'typebox'

/** Changes the value in place and returns it. */
export type DropNulls = (value: unknown) => unknown

const asItIs: DropNulls = (value) => value

export function nullsDroppedBy(schema: TSchema | undefined): DropNulls {
  const properties = propertiesOf(schema)
  if (!schema || !properties) return asItIs
  const required = new Set((schema as { required?: readonly string[] }).required)
  const optional = Object.entries(properties).flatMap(([name, each]) =>
    required.has(name) || mayBeNull(each) ? [] : [name],
  )
  const nested = Object.entries(properties).flatMap(([name, each]) => {
    const drop = nullsDroppedBy(each)
    return drop === asItIs ? [] : [[name, drop] as const]
  })
  if (optional.length + nested.length === 0) return asItIs
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const object = value as Record<string, unknown>
    for (const name of optional) if (object[name] === null) delete object[name]
    for (const [name, drop] of nested) if (Object.hasOwn(object, name)) drop(object[name])
    return object
  }
}

type Json = TSchema & { type?: unknown; properties?: Record<string, TSchema>; anyOf?: TSchema[]; enum?: unknown[] }

const propertiesOf = (schema: TSchema | undefined) => (schema as Json | undefined)?.properties

/** A schema without a type takes anything. */
function mayBeNull(schema: TSchema): boolean {
  const { type, anyOf, enum: values, const: only } = schema as Json & { const?: unknown }
  if (anyOf) return anyOf.some(mayBeNull)
  if (values) return values.includes(null)
  if (only !== undefined) return only === null
  return type === undefined || type === 'null'
}
