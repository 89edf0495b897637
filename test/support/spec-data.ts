/** The specification's data beside the repository, for the tests that compare with it. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = resolve(fileURLToPath(new URL('../../..', import.meta.url)), 'shared', 'spec')

export const hasSpecData = existsSync(resolve(folder, 'vectors.json'))

if (!hasSpecData) console.warn(`SKIPPED: tests against the specification's data, which is not at ${folder}`)

/** One section of vectors.json; an empty object where the data is absent (the tests are then skipped). */
export function readVectors<T>(section: string): T {
  if (!hasSpecData) return {} as T
  return JSON.parse(readFileSync(resolve(folder, 'vectors.json'), 'utf8'))[section] as T
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

/** The operations a homeserver serves; none where the data is absent. */
export function readEndpoints(): SpecEndpoint[] {
  if (!hasSpecData) return []
  return ['client-server', 'server-server'].flatMap(
    (api) => JSON.parse(readFileSync(resolve(folder, `${api}.json`), 'utf8')).endpoints as SpecEndpoint[],
  )
}
