/**
 * Reads a request's JSON body: limited in bytes and in depth, before anything else looks at it.
 *
 * The content type is not asked for: clients get it wrong, and Matrix bodies are always JSON. The
 * depth is checked on the bytes, because what comes after the parser (canonical JSON, the database)
 * walks values by recursion.
 */
import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import { badJson, MatrixError } from '../kernel/errors.js'
import type { Hold } from './bytes-in-flight.js'

const notJson = (message: string) => new MatrixError(400, 'M_NOT_JSON', message)
export const bodyTooLarge = (maxBytes: number) =>
  new MatrixError(413, 'M_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`)

/**
 * The whole body.
 *
 * @param openHold opens what is charged for each chunk; called for bodies that have one. Its owner releases it
 * @throws MatrixError 413 as soon as it is known to be over `maxBytes`, 429 where the memory has to be given to others
 */
export function readBody(
  stream: Readable,
  declaredLength: string | undefined,
  maxBytes: number,
  openHold: (cut: (reason: MatrixError) => void) => Hold,
): Promise<Buffer> {
  if (Number(declaredLength ?? 0) > maxBytes) return Promise.reject(bodyTooLarge(maxBytes))
  // Listeners, not an iterator: this runs for every request with a body, and costs a fifth.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    let hold: Hold | undefined
    // Stopping early must not destroy the stream: that would cut the connection before the refusal is sent.
    const stop = () => stream.off('data', take).off('end', finish).off('error', fail).off('close', cutOff)
    const take = (chunk: Buffer | string) => {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      length += bytes.length
      if (length > maxBytes) return fail(bodyTooLarge(maxBytes))
      try {
        hold ??= openHold(fail)
        hold.add(bytes.length)
        chunks.push(bytes)
      } catch (error) {
        fail(error as Error)
      }
    }
    const finish = () => {
      stop()
      hold?.settle()
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
    }
    const fail = (error: Error) => {
      stop()
      chunks.length = 0
      stream.pause()
      reject(error)
    }
    const cutOff = () => fail(notJson('The body ended in the middle.'))
    stream.on('data', take).on('end', finish).on('error', fail).on('close', cutOff)
    if (stream.readableEnded) finish()
    else if (stream.destroyed) cutOff()
  })
}

/**
 * @param parse another way to read it, which throws where it is no JSON
 * @returns the parsed value; undefined for an empty body
 * @throws MatrixError 400 `M_NOT_JSON`, or `M_BAD_JSON` for one that is too deep
 */
export function parseJson(bytes: Buffer, maxDepth: number, parse: (text: string) => unknown = JSON.parse): unknown {
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) throw notJson('The body is not UTF-8.')
  if (bytes.length > maxDepth && depthOf(bytes) > maxDepth)
    throw badJson(`The body is nested more than ${maxDepth} levels deep.`)
  try {
    return parse(bytes.toString('utf8'))
  } catch {
    throw notJson('The body is not JSON.')
  }
}

const [quote, backslash, openBrace, openBracket, closeBrace, closeBracket] = [0x22, 0x5c, 0x7b, 0x5b, 0x7d, 0x5d]

/** Deepest nesting of objects and arrays; right for JSON, harmless for anything else. */
function depthOf(bytes: Buffer): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inString) {
      if (byte === backslash) i++
      else if (byte === quote) inString = false
    } else if (byte === quote) inString = true
    else if (byte === openBrace || byte === openBracket) {
      if (++depth > deepest) deepest = depth
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return deepest
}
