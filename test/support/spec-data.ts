/** The specification's data in `test/fixtures/spec`, for the tests that compare with it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

const read = (name: string) =>
  JSON.parse(readFileSync(resolve(import.meta.dirname, '../fixtures/spec', name), 'utf8')) as Record<string, unknown>

/** One section of vectors.json. */
export function readVectors<T>(section: string): T {
  const vectors = read('vectors.json')
  if (!(section in vectors)) throw new Error(`vectors.json has no section ${section}`)
  return vectors[section] as T
}

export type SpecEndpoint = {
  /** API and operation ID, e.g. `cs:sync`. */
  id: string
  method: string
  path: string
  auth: 'accessToken' | 'optional' | 'none' | 'signed'
  /** The operation that has the same method and path, and is meant by it here. */
  sameRouteAs?: string
  parameters: { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: object }[]
  requestBody: { content: Record<string, { schema: object | null }> } | null
}

/** The operations a homeserver serves. */
export const readEndpoints = (): SpecEndpoint[] =>
  ['client-server.json', 'server-server.json'].flatMap((name) => read(name).endpoints as SpecEndpoint[])
