/**
 * `multipart/mixed` as the federation media endpoints use it: one part of JSON, one part with the file
 * or with a `Location` where it is. Written in one go, read as it streams in.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
 */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'

const crlf = '\r\n'

/** Of the headers of a download those that belong to the file. */
export const partHeaders = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    ['content-type', 'content-disposition'].flatMap((name) =>
      headers[name] === undefined ? [] : [[name, headers[name]]],
    ),
  )

/** The body of an answer with a file; `metadata` is the JSON part, reserved for later. */
export function writeMultipart(file: { content: Readable | Uint8Array; headers: Readonly<Record<string, string>> }): {
  contentType: string
  body: Readable
} {
  const boundary = randomBytes(16).toString('hex')
  const headers = Object.entries(file.headers).map(
    ([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, ' ')}${crlf}`,
  )
  const head = [
    `--${boundary}${crlf}Content-Type: application/json${crlf}${crlf}{}${crlf}`,
    `--${boundary}${crlf}${headers.join('')}${crlf}`,
  ].join('')
  async function* parts() {
    yield Buffer.from(head)
    if (file.content instanceof Uint8Array) yield file.content
    else yield* file.content as AsyncIterable<Buffer>
    yield Buffer.from(`${crlf}--${boundary}--${crlf}`)
  }
  return { contentType: `multipart/mixed; boundary=${boundary}`, body: Readable.from(parts()) }
}

export type FilePart = { headers: Readonly<Record<string, string>>; content: Readable }

/** What came is not of this form. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError'
}

/** Boundary of a `multipart/mixed` content type; undefined for any other. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  if (!contentType || !/^multipart\/mixed\s*;/i.test(contentType)) return undefined
  const match = /;\s*boundary\s*=\s*(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  return match?.[1] ?? match?.[2]
}

const maxHeadBytes = 64 * 1024

/**
 * The second part of a body; the first is read over.
 *
 * @throws MultipartError; so does the content, where the body ends before the part does
 */
export async function readFilePart(body: AsyncIterable<Buffer>, boundary: string): Promise<FilePart> {
  const source = makeSource(body)
  const delimiter = `--${boundary}`
  await source.skipPast(delimiter)
  await source.skipPast(`${crlf}${delimiter}`)
  await source.skipPast(crlf)
  const headers = parseHeaders(await source.takeHeaders())
  return { headers, content: Readable.from(source.contentUntil(Buffer.from(`${crlf}${delimiter}`))) }
}

function makeSource(body: AsyncIterable<Buffer>) {
  const chunks = body[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)

  async function more(): Promise<boolean> {
    const { value, done } = await chunks.next()
    if (done) return false
    held = held.length === 0 ? value : Buffer.concat([held, value])
    return true
  }

  async function find(text: string): Promise<number> {
    for (;;) {
      const at = held.indexOf(text)
      if (at >= 0) return at
      if (held.length > maxHeadBytes) throw new MultipartError('a part has no end to its head')
      if (!(await more())) throw new MultipartError('it ends too early')
    }
  }

  return {
    async skipPast(text: string): Promise<void> {
      const at = await find(text) // first: what is held changes meanwhile
      held = held.subarray(at + text.length)
    },
    /** A part without headers begins with the empty line at once. */
    async takeHeaders(): Promise<string> {
      while (held.length < 2) if (!(await more())) throw new MultipartError('it ends too early')
      if (held.subarray(0, 2).toString('latin1') === crlf) {
        held = held.subarray(2)
        return ''
      }
      const at = await find(`${crlf}${crlf}`)
      const text = held.subarray(0, at).toString('latin1')
      held = held.subarray(at + 4)
      return text
    },
    async *contentUntil(end: Buffer): AsyncGenerator<Buffer> {
      try {
        for (;;) {
          const at = held.indexOf(end)
          if (at >= 0) {
            if (at > 0) yield held.subarray(0, at)
            return
          }
          // The end may lie across two chunks: that much is held back.
          const sure = held.length - end.length + 1
          if (sure > 0) {
            yield held.subarray(0, sure)
            held = held.subarray(sure)
          }
          if (!(await more())) throw new MultipartError('it ends too early')
        }
      } finally {
        await chunks.return?.()
      }
    },
  }
}

function parseHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of text.split(crlf)) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
  }
  return headers
}
