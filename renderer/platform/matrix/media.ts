/**
 * Media: uploads with progress, and downloads as blob URLs.
 *
 * Media needs the access token, which an <img> cannot send, so it is fetched and shown from a blob
 * URL. A URL stays as long as someone shows it and a while longer; the cache keeps the most recent. Files of encrypted
 * rooms are opened here, so that whoever shows one need not know.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#content-repository
 */
import type { EncryptedFile } from './encrypted-file.js'
import { MatrixRequestError, ServerUnreachableError } from './errors.js'
import type { MatrixHttp } from './http.js'

export type ThumbnailSize = { width: number; height: number; method: 'crop' | 'scale' }
export type UploadOptions = {
  fileName?: string
  /** @param part from 0 to 1 */
  onProgress?: (part: number) => void
  signal?: AbortSignal
}

/** Where a file lies: in clear by its mxc:// URL, or encrypted, with what opens it. */
export type MediaSource = string | { file: EncryptedFile; type: string | undefined }

type Held = { url: Promise<string>; holders: number }
const keptUnused = 200

const mxcPattern = /^mxc:\/\/([^/?#]+)\/([A-Za-z0-9_-]+)$/

/** @returns undefined when it is not a media URL */
export function parseMxc(mxc: string | undefined): { server: string; mediaId: string } | undefined {
  const match = mxc ? mxcPattern.exec(mxc) : null
  return match ? { server: match[1]!, mediaId: match[2]! } : undefined
}

export function makeMedia(http: MatrixHttp) {
  const cache = new Map<string, Held>() // in order of last use

  function pathOf(mxc: string, size?: ThumbnailSize): string | undefined {
    const parsed = parseMxc(mxc)
    if (!parsed) return undefined
    const place = `${encodeURIComponent(parsed.server)}/${parsed.mediaId}`
    if (!size) return `/_matrix/client/v1/media/download/${place}`
    // Few sizes, so that the server makes few thumbnails: 96 for avatars, 320, 640, 800 and 1600 for pictures.
    const wanted = Math.max(size.width, size.height)
    const edge = [96, 320, 640, 800].find((step) => step >= wanted) ?? 1600
    return `/_matrix/client/v1/media/thumbnail/${place}?width=${edge}&height=${edge}&method=${size.method}`
  }

  function dropUnused() {
    let surplus = cache.size - keptUnused
    for (const [path, held] of cache) {
      if (surplus <= 0) return
      if (held.holders > 0) continue
      cache.delete(path)
      surplus--
      held.url.then(URL.revokeObjectURL, () => undefined)
    }
  }

  async function read(source: MediaSource, path: string): Promise<Blob> {
    const blob = await http.fetchBlob(path)
    if (typeof source === 'string') return blob
    const { decryptFile } = await import('./encrypted-file.js')
    return decryptFile(blob, source.file, source.type)
  }

  return {
    /**
     * Takes hold of a picture or file as a blob URL.
     *
     * @param size of what is encrypted the server can make no thumbnail: it comes whole
     * @returns the URL and the function that lets go of it; undefined when it is no media URL
     */
    hold(source: MediaSource, size?: ThumbnailSize): { url: Promise<string>; release: () => void } | undefined {
      const path = typeof source === 'string' ? pathOf(source, size) : pathOf(source.file.url)
      if (!path) return undefined
      const key = typeof source === 'string' ? path : keyOfSource(source)
      const held = cache.get(key) ?? {
        url: read(source, path).then((blob) => URL.createObjectURL(blob)),
        holders: 0,
      }
      cache.delete(key)
      cache.set(key, held)
      held.holders++
      held.url.catch(() => cache.delete(key)) // the next one who wants it tries again
      let isHeld = true
      return {
        url: held.url,
        release() {
          if (!isHeld) return
          isHeld = false
          held.holders--
          dropUnused()
        },
      }
    },

    /** Saves a file under its name through the browser's own download. */
    async save(source: MediaSource, fileName: string): Promise<void> {
      const path = pathOf(typeof source === 'string' ? source : source.file.url)
      if (!path) return
      const url = URL.createObjectURL(await read(source, path))
      const link = document.createElement('a')
      link.href = url
      // A name that turns the direction of writing reads otherwise than it is: `annexe.jpg` for `ann\u202egpj.exe`.
      link.download = fileName.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
      link.click()
      setTimeout(() => URL.revokeObjectURL(url), 60_000)
    },

    /**
     * Uploads with progress; XMLHttpRequest, because fetch tells nothing about what went up.
     *
     * @returns the mxc:// URL
     */
    async upload(file: Blob, { fileName, onProgress, signal }: UploadOptions = {}): Promise<string> {
      const token = await http.freshAccessToken()
      signal?.throwIfAborted()
      return new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest()
        const query = fileName ? `?filename=${encodeURIComponent(fileName)}` : ''
        xhr.open('POST', `/_matrix/media/v3/upload${query}`)
        xhr.setRequestHeader('authorization', `Bearer ${token}`)
        xhr.setRequestHeader('content-type', file.type || 'application/octet-stream')
        xhr.responseType = 'json'
        xhr.upload.onprogress = (event) => {
          if (event.lengthComputable) onProgress?.(event.loaded / event.total)
        }
        xhr.onerror = () => reject(new ServerUnreachableError('the upload was cut'))
        xhr.onabort = () => reject(new DOMException('cancelled', 'AbortError'))
        xhr.onload = () => {
          const body = (xhr.response ?? {}) as Record<string, unknown>
          if (xhr.status === 200 && typeof body.content_uri === 'string') resolve(body.content_uri)
          else reject(new MatrixRequestError(xhr.status, String(body.errcode), String(body.error), undefined, body))
        }
        signal?.addEventListener('abort', () => xhr.abort())
        xhr.send(file)
      })
    },

    /** Largest upload in bytes; undefined when the server does not say. */
    async readUploadLimit(): Promise<number | undefined> {
      const config = await http.request<Record<string, unknown>>('GET', '/_matrix/client/v1/media/config')
      const limit = config['m.upload.size']
      return typeof limit === 'number' ? limit : undefined
    },

    /** Lets go of everything, at sign-out. */
    clear() {
      for (const held of cache.values()) held.url.then(URL.revokeObjectURL, () => undefined)
      cache.clear()
    },
  }
}

/** By what it is told from others. Who names one file with two keys gets two. */
export const keyOfSource = (source: MediaSource): string =>
  typeof source === 'string' ? source : `${source.file.url} ${source.file.key.k} ${source.type}`

export type Media = ReturnType<typeof makeMedia>
