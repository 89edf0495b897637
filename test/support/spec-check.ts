/** Checks answers against the specification's schemas, where the specification lies beside the repository. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect } from 'vitest'

type Result = { ok: boolean; errors: string[]; extraKeys: string[] }
type Validator = { validateResponse(id: string, status: number, body: unknown): Result }

const tool = resolve(fileURLToPath(new URL('../../..', import.meta.url)), 'shared', 'tools', 'spec-validate.mjs')
const validator: Validator | undefined = existsSync(tool) ? await import(pathToFileURL(tool).href) : undefined

if (!validator) console.warn(`SKIPPED: answers are not compared with the specification, which is not at ${tool}`)

/** @param id of the endpoint as the specification's data name it, e.g. `cs:sync` */
export function expectToFitSpec(id: string, body: unknown, status = 200): void {
  const wire: unknown = JSON.parse(JSON.stringify(body))
  if (validator) expect(validator.validateResponse(id, status, wire).errors, id).toEqual([])
}
