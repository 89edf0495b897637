/**
 * Every link to the specification in this repository goes to a section of v1.19 that is there.
 *
 * `spec-sections.json` holds the anchors of its pages: headings, events and endpoints. Headings are spelt as the
 * pages spell them, which is not always the usual way (`authorisation-rules`, `knocking-rooms`).
 */
import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readEndpoints } from '../support/spec-data.js'
import sections from './spec-sections.json' with { type: 'json' }

const root = resolve(import.meta.dirname, '..', '..')
const anchors = new Map(
  Object.entries(sections as Record<string, string[]>).map(([page, list]) => [page, new Set(list)]),
)

const sources = [
  'server',
  'renderer',
  'main',
  'schema',
  'docs',
  'test/server',
  'test/main',
  'test/renderer',
  'test/support',
]
  .flatMap((folder) =>
    readdirSync(resolve(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => `${folder}/${path}`),
  )
  .filter((path) => /\.(ts|tsx|mjs|md|surql)$/.test(path))
  .map((path) => ({ path, text: readFileSync(resolve(root, path), 'utf8') }))

/** What is wrong with a link, or undefined. */
function faultOf(url: string): string | undefined {
  const [, page, anchor] = /^https:\/\/spec\.matrix\.org\/v1\.19\/([a-z0-9/-]+)\/(?:#(.+))?$/.exec(url) ?? []
  if (page === undefined) return 'is not a page of v1.19'
  const known = anchors.get(page)
  if (!known) return 'is not a page of the specification'
  return anchor === undefined || known.has(anchor) ? undefined : 'is not a section of its page'
}

test('links go to sections of v1.19 that are there', () => {
  const links = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/https?:\/\/(?:spec\.)?matrix\.org\/[^\s)`'"<>]*/g)]
      .map(([url]) => url.replace(/[.,;:]+$/, ''))
      .filter((url) => /spec\.matrix\.org|\/docs\/spec/.test(url))
      .map((url) => ({ path, url, fault: faultOf(url) })),
  )

  expect(links.length).toBeGreaterThan(300)
  expect(links.filter(({ fault }) => fault)).toEqual([])
})

test('a section in the other spelling, of another version or of no page would be noticed', () => {
  const at = 'https://spec.matrix.org/v1.19/'
  expect(faultOf(`${at}rooms/v12/#authorisation-rules`)).toBeUndefined()
  expect(faultOf(`${at}rooms/v12/#authorization-rules`)).toBe('is not a section of its page')
  expect(faultOf(`${at}client-server-api/#get_matrixclientv3nothing`)).toBe('is not a section of its page')
  expect(faultOf(`${at}rooms/v99/`)).toBe('is not a page of the specification')
  for (const version of ['v1.18', 'latest', 'unstable'])
    expect(faultOf(`https://spec.matrix.org/${version}/client-server-api/`)).toBe('is not a page of v1.19')
})

describe('beside the specification', () => {
  const anchorOf = (method: string, path: string) => method.toLowerCase() + path.toLowerCase().replace(/[^\w-]/g, '')

  test('the anchors hold every endpoint that it has', () => {
    const known = new Set(Object.values(sections as Record<string, string[]>).flat())
    const missing = readEndpoints().filter(({ method, path }) => !known.has(anchorOf(method, path)))
    expect(missing).toEqual([])
  })

  test('an endpoint’s file is headed by its method, path and operation ID, and links to its section', () => {
    const endpoints = new Map(readEndpoints().map((endpoint) => [endpoint.id, endpoint]))
    const wrong = sources.flatMap(({ path, text }) => {
      const [, side] = /^server\/api\/(client|federation)\//.exec(path) ?? []
      const [, operationId] = /defineEndpoint\(\{\s+operationId: '(\w+)'/.exec(text) ?? []
      if (!side || !operationId) return []
      const endpoint = endpoints.get(`${side === 'client' ? 'cs' : 'ss'}:${operationId}`)
      if (!endpoint) return [`${path}: the specification has no operation ${operationId}`]
      const head = ` * ${endpoint.method} ${endpoint.path} (operationId \`${operationId}\`)`
      return [
        text.includes(head) ? [] : [`${path}: its header lacks "${head}"`],
        text.includes(`/#${anchorOf(endpoint.method, endpoint.path)}\n`) ? [] : [`${path}: no link to its section`],
      ].flat()
    })
    expect(wrong).toEqual([])
  })
})
