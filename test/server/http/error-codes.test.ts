/** The catalogue of error codes and its documentation say the same. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { errorCodes } from '../../../server/kernel/errors.js'
import { readSources } from '../../support/sources.js'

test('docs/error-codes.md lists every code of the catalogue, and no other', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../../docs/error-codes.md'), 'utf8')
  const listed = [...page.matchAll(/^\| `(M_[A-Z_]+)` \|/gm)].map(([, code]) => code)
  expect(listed.sort()).toEqual([...errorCodes].sort())
})

test('every code of the catalogue is one that something answers', () => {
  const sources = readSources(['server'], ['kernel/errors.ts'])
  const unused = errorCodes.filter((code) => !sources.some(({ text }) => text.includes(`'${code}'`)))
  expect(unused).toEqual([])
})
