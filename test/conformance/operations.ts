/**
 * `operations.json`: which operations of the specification this server has, by module, and `docs/conformance.md`,
 * which is made from it.
 *
 * An operation is there when it answers and keeps the rules that hold for all: tokens asked for, errors in
 * their form, wrong methods refused, cross-origin requests let in, bodies of the right shape.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CoverageReport } from './coverage.js'

/** By operation ID, whether it is there. */
type Module = Record<string, boolean>
export type Operations = { spec: string; client: Record<string, Module>; federation: Record<string, Module> }

const listPath = resolve(import.meta.dirname, 'operations.json')
const versionsPath = resolve(import.meta.dirname, 'versions.json')
const pagePath = resolve(import.meta.dirname, '..', '..', 'docs', 'conformance.md')

export const readOperations = (): Operations => JSON.parse(readFileSync(listPath, 'utf8'))
/**
 * By version of the specification: the operations that came with it, and what else of it is not there. An optional
 * operation is one that, by the specification, a server has only where it offers what it is for.
 */
type Versions = {
  versions: Record<string, { operations: string[]; missing: string[] }>
  optional: Record<string, string>
}
const readVersions = (): Versions => JSON.parse(readFileSync(versionsPath, 'utf8'))

/** What each version of the specification still lacks here, oldest version first. */
export function lackingOf({ client }: Operations): [version: string, lacks: string[]][] {
  const there = new Map(Object.values(client).flatMap((module) => Object.entries(module)))
  const { versions, optional } = readVersions()
  return Object.entries(versions).map(([version, { operations, missing }]) => {
    const unknown = operations.filter((operation) => !there.has(operation))
    if (unknown.length > 0) throw new Error(`no such operation: ${unknown.join(', ')}`)
    const absent = operations.filter((operation) => !there.get(operation) && !(operation in optional))
    return [version, [...absent.map((operation) => `\`${operation}\``), ...missing]]
  })
}

/** The versions that may be claimed: up to the first that lacks something. */
export function claimedVersions(operations: Operations): string[] {
  const lacking = lackingOf(operations)
  const end = lacking.findIndex(([, lacks]) => lacks.length > 0)
  return lacking.slice(0, end < 0 ? undefined : end).map(([version]) => version)
}

export const readPage = (): string => readFileSync(pagePath, 'utf8')

/** Called by the test when `UPDATE_CONFORMANCE` is set. */
export function writeOperations(operations: Operations): void {
  writeFileSync(listPath, `${JSON.stringify(operations, undefined, 2)}\n`)
  writeFileSync(pagePath, conformancePage(operations))
}

/** What a run found, in the list's form and order. */
export function operationsOf(report: CoverageReport): Operations {
  const operations: Operations = { spec: report.spec, client: {}, federation: {} }
  const inOrder = report.endpoints.toSorted((a, b) => compare(a.module, b.module) || compare(a.id, b.id))
  for (const { id, api, module, routed, problems } of inOrder) {
    const modules = operations[api]
    modules[module] ??= {}
    modules[module][id.replace(/^[a-z]+:/, '')] = routed && problems.length === 0
  }
  return operations
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export function conformancePage(operations: Operations): string {
  const { spec, client, federation } = operations
  return `# Conformance

Operations of the Matrix specification (${spec}) that this server has, by module of the specification. Made from
\`test/conformance/operations.json\` by \`UPDATE_CONFORMANCE=1 npx vitest run test/conformance\`; a test asks a running
server for each of them and fails when the list and the server differ, in either direction.

An operation counts when it is there, asks for tokens or signatures as it should, refuses wrong methods, answers errors in the
standard form and lets other origins in. What is not there answers 404 \`M_UNRECOGNIZED\`. What an operation *does* is
shown by the other tests.

## Versions

\`GET /_matrix/client/versions\` names ${claimedVersions(operations).at(0)} to ${claimedVersions(operations).at(-1)}: each version of which everything that it added is there. Operations of before v1.1 that are missing stand below; e-mail,
telephone numbers, single sign-on, OAuth 2.0 and tokens for another login are for the server to offer or not, and it says that it does not.
${lackingOf(operations)
  .filter(([, lacks]) => lacks.length > 0)
  .map(([version, lacks]) => `\n- ${version} is not named for lack of: ${lacks.join(', ')}.`)
  .join('')}

## Client-server

${table(client)}
## Server-server

${table(federation)}`
}

function table(modules: Record<string, Module>): string {
  const rows = Object.entries(modules).map(
    ([name, module]) => `| ${name} | ${share([module])} | ${missing(module).join(', ')} |`,
  )
  const total = `| **total** | **${share(Object.values(modules))}** | |`
  return ['| Module | There | Not there |', '|---|---|---|', ...rows, total, ''].join('\n')
}

const missing = (module: Module) =>
  Object.entries(module).flatMap(([operationId, isThere]) => (isThere ? [] : [`\`${operationId}\``]))

function share(modules: readonly Module[]): string {
  const all = modules.flatMap((module) => Object.values(module))
  return `${all.filter(Boolean).length} / ${all.length}`
}
