/** Random requests at operations of the specification: mostly plausible, hostile in places. */
import fc from 'fast-check'
import { hostileText, nearly, nearlyText, type Plausible } from './hostile-values.js'
import type { SpecEndpoint } from './spec-data.js'

export type HostileRequest = {
  endpoint: SpecEndpoint
  /** With its query. */
  path: string
  /** Mostly the text of JSON; sometimes bytes that mean nothing. */
  body: string | Uint8Array<ArrayBuffer> | undefined
  /** Whether it is to be sent with credentials: nearly always. */
  authorized: boolean
}

/** The same requests for the same seed. */
export const hostileRequests = (
  endpoints: readonly SpecEndpoint[],
  plausible: Plausible,
  runs: number,
  seed: number,
): HostileRequest[] =>
  fc.sample(
    fc.constantFrom(...endpoints).chain((endpoint) => requestTo(endpoint, plausible)),
    { numRuns: runs, seed },
  )

function requestTo(endpoint: SpecEndpoint, plausible: Plausible): fc.Arbitrary<HostileRequest> {
  const names = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)
  const queries = endpoint.parameters.filter((parameter) => parameter.in === 'query')
  const query = queries.map(({ name, schema, required }) =>
    fc
      .tuple(nearly(schema, plausible, name), fc.nat(19))
      .map(([value, chance]): [string, unknown][] => (chance > mostLeftOut(name, required) ? [[name, value]] : [])),
  )
  const more = fc.array(fc.tuple(hostileText, hostileText), { maxLength: 1 })
  const schema = endpoint.requestBody?.content['application/json']?.schema
  const json = nearly(schema, plausible).map((value) => JSON.stringify(value))
  const takesBody = endpoint.method === 'POST' || endpoint.method === 'PUT'
  const body = takesBody
    ? fc.oneof({ arbitrary: json, weight: 15 }, { arbitrary: fc.uint8Array({ maxLength: 60 }), weight: 1 })
    : fc.constant(undefined)
  return fc.record({
    endpoint: fc.constant(endpoint),
    path: fc
      .tuple(fc.tuple(...names.map((name) => nearlyText(name, plausible))), fc.tuple(...query), more)
      .map(([values, given, others]) => pathOf(endpoint.path, values, [...given.flat(), ...others])),
    body,
    authorized: fc.nat(19).map((chance) => chance > 0),
  })
}

/** In twenty; without a timeout one endpoint waits as long as it likes. */
const mostLeftOut = (name: string, required: boolean | undefined) => (name === 'timeout' ? -1 : required ? 0 : 12)

function pathOf(template: string, values: readonly string[], query: readonly (readonly [string, unknown])[]): string {
  const left = [...values]
  const path = template.replace(/\{\w+\}/g, () => encode(left.shift()!))
  const pairs = query.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => `${encode(name)}=${encode(asText(name, each))}`),
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

/** Long-polls would only cost time. */
const asText = (name: string, value: unknown): string =>
  name === 'timeout' ? '0' : typeof value === 'string' ? value : JSON.stringify(value)

/** Percent-encoding that lets lone surrogates through, in the bytes that a broken client would send; dots stay dots. */
const encode = (text: string) =>
  /\p{Surrogate}/u.test(text)
    ? Buffer.from(text, 'utf16le').toString('hex').replace(/../g, '%$&')
    : encodeURIComponent(text)
