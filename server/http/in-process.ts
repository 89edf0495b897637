/**
 * Answers a web `Request` without a socket: how the desktop app's pages (`app://local/_matrix/…`)
 * and the tests reach the server. Bodies stream both ways.
 */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import type { FastifyInstance, InjectOptions } from 'fastify'

const bodiless = new Set([101, 204, 205, 304])

export async function handleInProcess(app: FastifyInstance, request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  const headers = Object.fromEntries(request.headers)
  const answer = await app.inject({
    method: request.method as InjectOptions['method'],
    url: pathname + search,
    headers: { ...headers, host: '127.0.0.1' },
    remoteAddress: '127.0.0.1',
    ...(request.body && { payload: Readable.fromWeb(request.body as ReadableStream) }),
    payloadAsStream: true,
    signal: request.signal,
  } as InjectOptions & { payloadAsStream: true })
  const body = answer.stream()
  const hasBody = request.method !== 'HEAD' && !bodiless.has(answer.statusCode)
  if (!hasBody) body.resume()
  return new Response(hasBody ? (Readable.toWeb(body) as BodyInit) : null, {
    status: answer.statusCode,
    headers: toHeaders(answer.headers),
  })
}

function toHeaders(given: Readonly<Record<string, number | string | string[] | undefined>>): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(given))
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined) headers.append(name, String(each))
  return headers
}
