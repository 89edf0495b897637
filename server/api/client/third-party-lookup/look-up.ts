/** What the four lookups share: their answer, and what of the query the network is asked by. */
import { Type } from 'typebox'
import type { Fields, ThirdParty } from '../../../appservices/third-party.js'
import { missingParam, notFound } from '../../../kernel/errors.js'

export type LookUpNeeds = { thirdParty: Pick<ThirdParty, 'lookUp'> }

export const FieldsSchema = Type.Record(Type.String(), Type.Unknown())
export const ResultsSchema = Type.Array(Type.Record(Type.String(), Type.Unknown()))

export const fieldsOf = (query: Readonly<Record<string, unknown>>): Fields =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : [])),
  )

/** @throws MatrixError 404 where no bridge knows one */
export async function lookUp(
  { thirdParty }: LookUpNeeds,
  ...[kind, protocol, fields, signal]: Parameters<ThirdParty['lookUp']>
) {
  const found = await thirdParty.lookUp(kind, protocol, fields, signal)
  if (found.length === 0) throw notFound('No bridge knows that.')
  return found
}

/** A member of the query that the lookup is by. */
export function requireField(query: Readonly<Record<string, unknown>>, name: string): Fields {
  const value = query[name]
  if (typeof value !== 'string' || value === '') throw missingParam(`There is no ${name}.`)
  return { [name]: value }
}
