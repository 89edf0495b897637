/**
 * JSON answers that are too long to be in memory as a whole: written piece by piece, as fast as the caller takes them.
 *
 * An error after the first piece can only break the connection off; so whatever may be refused is to be found out before.
 */

import { Readable } from 'node:stream'
import { stringifySpelled } from '../kernel/spelled-numbers.js'
import { type Reply, raw } from './reply.js'

/** A list that comes in pieces. */
export type Pieces = AsyncIterable<readonly object[]>

/** An object whose lists may come in pieces; status 200. */
export const streamJson = (fields: Readonly<Record<string, unknown>>): Reply =>
  raw(200, Readable.from(textOf(fields)), { 'content-type': 'application/json' })

async function* textOf(fields: Readonly<Record<string, unknown>>): AsyncGenerator<string> {
  let before = '{'
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    const start = `${before}${JSON.stringify(name)}:`
    if (isPieces(value)) yield* listOf(start, value)
    else yield start + stringifySpelled(value)
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

async function* listOf(start: string, pieces: Pieces): AsyncGenerator<string> {
  let before = `${start}[`
  for await (const piece of pieces) {
    if (piece.length === 0) continue
    yield before + piece.map(stringifySpelled).join(',')
    before = ','
  }
  yield before === ',' ? ']' : `${before}]`
}

const isPieces = (value: unknown): value is Pieces =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value
