/**
 * `operations.json`: which operations of the specification this server has, by module, and `docs/conformance.md`,
 * which is made from it.
 *
 * An operation is `routed` when it is there and keeps the rules that hold for all: tokens asked for, errors in
 * their form, wrong methods refused, cross-origin requests let in, bodies of the right shape.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { CoverageReport } from './coverage.js'

type Module = { routed: string[]; missing: string[] }
export type Operations = { spec: string; client: Record<string, Module>; federation: Record<string, Module> }

const listPath = resolve(import.meta.dirname, 'operations.json')
const pagePath = resolve(import.meta.dirname, '..', '..', 'docs', 'conformance.md')

export const readOperations = (): Operations => JSON.parse(readFileSync(listPath, 'utf8'))
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
    modules[module] ??= { routed: [], missing: [] }
    modules[module][routed && problems.length === 0 ? 'routed' : 'missing'].push(id.replace(/^[a-z]+:/, ''))
  }
  return operations
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

export function conformancePage({ spec, client, federation }: Operations): string {
  return `# Conformance

Operations of the Matrix specification (${spec}) that this server has, by module of the specification. Made from
\`test/conformance/operations.json\` by \`UPDATE_CONFORMANCE=1 npx vitest run test/conformance\`; a test asks a running
server for each of them and fails when the list and the server differ, in either direction.

An operation counts when it is there, asks for tokens or signatures as it should, refuses wrong methods, answers errors in the
standard form and lets other origins in. What is not there answers 404 \`M_UNRECOGNIZED\`. What an operation *does* is
shown by the other tests.

## Client-server

${table(client)}
## Server-server

${table(federation)}`
}

function table(modules: Record<string, Module>): string {
  const rows = Object.entries(modules).map(
    ([name, { routed, missing }]) =>
      `| ${name} | ${routed.length} / ${routed.length + missing.length} | ${missing.map((id) => `\`${id}\``).join(', ')} |`,
  )
  const all = Object.values(modules)
  const sum = (kind: keyof Module) => all.reduce((total, module) => total + module[kind].length, 0)
  const total = `| **total** | **${sum('routed')} / ${sum('routed') + sum('missing')}** | |`
  return ['| Module | There | Not there |', '|---|---|---|', ...rows, total, ''].join('\n')
}
