/**
 * Media of other servers, as a stream: nothing larger than a chunk is held in memory.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#content-repository
 */
import type { Readable } from 'node:stream'
import { MatrixError, notFound } from '../kernel/errors.js'
import type { MxcUri } from '../kernel/identifiers.js'
import { type FederationClient, pathOf } from './federation-client.js'
import { FederationError } from './federation-error.js'
import { boundaryOf, MultipartError, readFilePart } from './multipart.js'

export type RemoteFile = { content: Readable; contentType: string | undefined; fileName: string | undefined }

/** @throws MatrixError 404 where there is none, 502 where the server cannot be asked, 504 for one that is not uploaded yet */
export type FetchRemoteMedia = (uri: MxcUri, signal: AbortSignal) => Promise<RemoteFile>

const timeoutMs = 60_000

export function makeFetchRemoteMedia({ client }: { client: FederationClient }): FetchRemoteMedia {
  return async function fetchRemoteMedia({ serverName, mediaId }, signal) {
    try {
      const answer = await client.requestStream({
        destination: serverName,
        method: 'GET',
        path: pathOf('/_matrix/federation/v1/media/download/:mediaId', { mediaId }),
        query: { timeout_ms: 20_000 },
        timeoutMs,
        signal,
      })
      const boundary = boundaryOf(answer.headers['content-type'])
      if (boundary === undefined) {
        answer.body.destroy()
        throw new FederationError(serverName, 'bad-answer', 'sent media that is not multipart/mixed')
      }
      const part = await readFilePart(answer.body, boundary)
      const { location } = part.headers
      if (location === undefined || !URL.canParse(location)) return asFile(part.headers, part.content)
      part.content.destroy()
      answer.body.destroy()
      const moved = await client.followStream(serverName, new URL(location), { timeoutMs, signal })
      return asFile(moved.headers, moved.body)
    } catch (error) {
      throw toMediaError(error)
    }
  }
}

const asFile = (headers: Readonly<Record<string, string | undefined>>, content: Readable): RemoteFile => ({
  content,
  contentType: headers['content-type'],
  fileName: fileNameIn(headers['content-disposition']),
})

function fileNameIn(disposition: string | undefined): string | undefined {
  const extended = /filename\*\s*=\s*utf-8''([^;\s]+)/i.exec(disposition ?? '')?.[1]
  try {
    if (extended !== undefined) return decodeURIComponent(extended).slice(0, 255)
  } catch {
    // Badly escaped: the plain form below may still be there.
  }
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i.exec(disposition ?? '')
  return (plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2])?.slice(0, 255)
}

function toMediaError(error: unknown): unknown {
  if (error instanceof MultipartError)
    return new MatrixError(502, 'M_UNKNOWN', 'The other server sent something that is no file')
  if (!(error instanceof FederationError)) return error
  const { status, errcode } = error.answer ?? {}
  if (status === 404 || status === 400 || status === 403) return notFound('There is no such file')
  if (status === 504 || errcode === 'M_NOT_YET_UPLOADED')
    return new MatrixError(504, 'M_NOT_YET_UPLOADED', 'The file has not been uploaded yet')
  return new MatrixError(502, 'M_UNKNOWN', `The file could not be fetched (${error.failure})`)
}
