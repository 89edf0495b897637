/** Checks answers against the specification's schemas. */
import { expect } from 'vitest'
import { validator } from './spec/spec-validate.mjs'

/** @param id of the endpoint as the specification's data name it, e.g. `cs:sync` */
export function expectToFitSpec(id: string, body: unknown, status = 200): void {
  const wire: unknown = JSON.parse(JSON.stringify(body))
  expect(validator().validateResponse(id, status, wire).errors, id).toEqual([])
}
