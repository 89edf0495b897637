/**
 * Turns the text of a query string into what an endpoint's schema asks for: numbers, booleans and
 * lists. What cannot be turned stays as it is, and the schema then refuses it.
 *
 * A token in the query string is as good as one in the header up to v1.19; it is read by
 * `access-token.ts` and taken away here, so that it reaches no endpoint but one that asks for it by name.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 */
import type { TSchema } from 'typebox'

type Member = { type?: string; items?: Member }

export function convertQuery(
  schema: TSchema | undefined,
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const members = (schema as { properties?: Record<string, Member> } | undefined)?.properties ?? {}
  const query: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(given)) {
    if (name === 'access_token' && !members.access_token) continue
    query[name] = convert(members[name], value)
  }
  return query
}

function convert(member: Member | undefined, value: unknown): unknown {
  if (member?.type === 'array')
    return (Array.isArray(value) ? value : [value]).map((each) => convert(member.items, each))
  if (typeof value !== 'string') return value
  if (member?.type === 'integer' || member?.type === 'number')
    return /^-?[0-9]{1,16}(\.[0-9]+)?$/.test(value) ? Number(value) : value
  if (member?.type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  return value
}
