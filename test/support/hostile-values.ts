/**
 * Values that servers trip over, and JSON that nearly fits a schema: what the tests of bad input are made from.
 */
import fc from 'fast-check'

/** Texts for any place that takes one; none is a secret, all are valid UTF-16 but for the surrogates. */
export const hostileTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\uD800',
  'a\uDFFFb',
  '\u202E\uFEFF',
  '🔥'.repeat(80),
  'x'.repeat(256),
  'x'.repeat(5_000),
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '..',
  '../../etc/passwd',
  '%00',
  '%',
  '/',
  '?',
  '#',
  ':',
  '!',
  '@',
  '$',
  '!:',
  '@:test',
  '!a:b:c:d',
  `@${'a'.repeat(260)}:test`,
  "'; REMOVE TABLE event; --",
  '⟨x⟩',
  '`x`',
  '$auth',
  'NONE',
  '-1',
  '0',
  '1.5',
  '1e400',
  '9007199254740993',
  '99999999999999999999999',
  'NaN',
  'null',
  'true',
  '[]',
  '{}',
  '{"limit":-1}',
  '{"room":{"timeline":{"limit":-1,"types":["*","**","\\u0000"]},"rooms":[""]},"event_fields":["__proto__.x",".."]}',
  '{"a":',
] as const

const hostileNumbers = [-1, 0, -0, 1.5, -1e308, 2 ** 53, -(2 ** 53), 2 ** 63, 1e21, Number.MIN_VALUE]

export const hostileText = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ maxLength: 40, unit: 'binary' }))

/** Any small JSON value, with keys that name members of every object. */
export const hostileJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(hostileText, fc.constantFrom(...hostileNumbers, null, true, false)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(hostileText, tie('value')), { maxLength: 3 }).map(toObject),
  ),
})).value

/** An object whose members may be called `__proto__`, as `JSON.parse` makes one. */
function toObject(entries: readonly (readonly [string, unknown])[]): object {
  const object = {}
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  return object
}

type Schema = {
  type?: string | string[]
  properties?: Record<string, Schema>
  additionalProperties?: Schema | boolean
  required?: string[]
  items?: Schema
  enum?: unknown[]
  const?: unknown
  oneOf?: Schema[]
  anyOf?: Schema[]
  allOf?: Schema[]
}

/** IDs that are there, by the name of the parameter or member that takes them; `any` for all others. */
export type Plausible = { any: readonly string[] } & Readonly<Record<string, readonly string[]>>

/** A text for the place of that name: mostly a plausible one. */
export const nearlyText = (name: string, plausible: Plausible): fc.Arbitrary<string> => {
  const fitting = Object.hasOwn(plausible, name) ? plausible[name]! : plausible.any
  return fc.oneof({ arbitrary: fc.constantFrom(...fitting), weight: 10 }, { arbitrary: hostileText, weight: 1 })
}

/** JSON that fits a schema but for what is hostile in it. */
export function nearly(
  schema: Schema | null | undefined,
  plausible: Plausible,
  name = 'any',
  depth = 0,
): fc.Arbitrary<unknown> {
  if (!schema || depth > 6) return hostileJson
  return fc.oneof(
    { arbitrary: fitting(schema, plausible, name, depth), weight: 12 },
    { arbitrary: hostileJson, weight: 1 },
  )
}

function fitting(schema: Schema, plausible: Plausible, name: string, depth: number): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const choices = schema.oneOf ?? schema.anyOf
  if (choices?.length) return fc.oneof(...choices.map((choice) => fitting(choice, plausible, name, depth + 1)))
  if (schema.allOf?.length)
    return fc
      .tuple(...schema.allOf.map((part) => fitting(part, plausible, name, depth + 1)))
      .map((parts) => Object.assign({}, ...parts.filter((part) => typeof part === 'object')))
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object':
      return fittingObject(schema, plausible, depth)
    case 'array':
      return fc.array(nearly(schema.items, plausible, name, depth + 1), { maxLength: 4 })
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(...hostileNumbers))
    case 'boolean':
      return fc.boolean()
    case 'string':
      return nearlyText(name, plausible)
    default:
      return hostileJson
  }
}

function fittingObject(schema: Schema, plausible: Plausible, depth: number): fc.Arbitrary<object> {
  const { properties = {}, additionalProperties, required = [] } = schema
  const known = Object.entries(properties).map(([name, member]) =>
    fc
      .tuple(nearly(member, plausible, name, depth + 1), fc.nat(19))
      .map(([value, chance]) => (chance > (required.includes(name) ? 0 : 12) ? [[name, value] as const] : [])),
  )
  const memberSchema = typeof additionalProperties === 'object' ? additionalProperties : null
  const extra = fc.array(
    fc.tuple(fc.oneof(nearlyText('any', plausible), hostileText), nearly(memberSchema, plausible, 'any', depth + 1)),
    { maxLength: 2 },
  )
  return fc.tuple(fc.tuple(...known), extra).map(([named, others]) => toObject([...named.flat(), ...others]))
}
