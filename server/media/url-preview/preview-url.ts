/**
 * Previews of links: the server reads the page, so that no client tells a stranger's server who reads its link.
 *
 * A page is asked for once an hour, however many ask; what could not be read is not asked for again for a minute.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url
 */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.js'
import { MatrixError } from '../../kernel/errors.js'
import { makeFairLanes } from '../../kernel/fair-lanes.js'
import type { ServerName, UserId } from '../../kernel/identifiers.js'
import { OutboundError } from '../../outbound/outbound-error.js'
import type { Database } from '../../store/reader.js'
import {
  deleteUrlPreview,
  readOldUrlPreviews,
  readUrlPreview,
  setUrlPreview,
  type UrlPreviewRow,
} from '../../store/url-preview-store.js'
import { makeShareWork } from '../shared-work.js'
import { toMxc } from '../upload-media.js'
import type { Former, MakePreview, UrlPreview } from './make-preview.js'

/** @throws MatrixError 400 for what is no web address, 403 for one in our own network, 429, 502 where nothing can be had */
export type PreviewUrl = (url: string, asker: { userId: UserId; signal: AbortSignal }) => Promise<UrlPreview>

export type UrlPreviews = {
  /** Undefined where links are not previewed. */
  previewUrl: PreviewUrl | undefined
  /** Deletes at most `limit` previews that nobody has asked for in days. @returns how many it deleted */
  forgetUrlPreviews(limit: number): Promise<number>
}

const freshMs = 60 * 60_000
const keptMs = 7 * 24 * 60 * 60_000
const failure = { forMs: 60_000, most: 1_000 }
const maxUrlChars = 4_096
const laneLimits = { atOnce: 6, perParty: 2, waitingPerParty: 30 }

type Needs = {
  db: Database
  clock: Clock
  serverName: ServerName
  /** Undefined where links are not previewed. */
  makePreview: MakePreview | undefined
}

export function makeUrlPreviews({ db, clock, serverName, makePreview }: Needs): UrlPreviews {
  const share = makeShareWork<UrlPreview>()
  const lanes = makeFairLanes(laneLimits, 'Too many previews of yours wait already.')
  const failures = new LRUCache<string, { error: MatrixError; until: number }>({ max: failure.most })

  type Asked = { url: URL; hash: string; former: Former | undefined; makePreview: MakePreview; signal: AbortSignal }

  async function makeAndKeep({ url, hash, former, makePreview, signal }: Asked): Promise<UrlPreview> {
    const { preview, picture } = await makePreview(url, former, signal)
    if (picture) {
      preview['og:image'] = toMxc({ serverName, mediaId: picture.mediaId })
      preview['og:image:type'] = picture.type
      preview['og:image:width'] = picture.width
      preview['og:image:height'] = picture.height
      preview['matrix:image:size'] = picture.bytes
    }
    const row: UrlPreviewRow = {
      preview: JSON.stringify(preview),
      fetched_at: clock.now(),
      ...(picture && { media_id: picture.mediaId, sha256: picture.sha256 }),
    }
    await db.commit(() => ({ writes: [setUrlPreview(hash, row)], changes: [], result: undefined }))
    return preview
  }

  const previewWith =
    (makePreview: MakePreview): PreviewUrl =>
    async (text, { userId, signal }) => {
      const url = toUrl(text)
      const hash = createHash('sha256').update(url.href).digest('base64url')
      const failed = failures.get(hash)
      if (failed && failed.until > clock.elapsed()) throw failed.error
      const row = await readUrlPreview(db, hash, { serverName })
      const isWhole = row?.media_id === undefined || row.hasPicture
      if (row && isWhole && clock.now() - row.fetched_at < freshMs) return JSON.parse(row.preview)
      const former = row?.hasPicture ? { mediaId: row.media_id!, sha256: row.sha256! } : undefined
      return share(hash, signal, async (shared) => {
        try {
          const asked = { url, hash, former, makePreview, signal: shared }
          return await lanes.run(userId, shared, () => makeAndKeep(asked))
        } catch (error) {
          if (!(error instanceof OutboundError) || error.failure === 'aborted') throw error
          const told = toMatrixError(error)
          failures.set(hash, { error: told, until: clock.elapsed() + failure.forMs })
          throw told
        }
      })
    }

  return {
    previewUrl: makePreview && previewWith(makePreview),

    async forgetUrlPreviews(limit) {
      const old = await readOldUrlPreviews(db, clock.now() - keptMs, limit)
      const writes = old.map(deleteUrlPreview)
      if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
      return writes.length
    },
  }
}

function toUrl(text: string): URL {
  const url = text.length <= maxUrlChars && URL.canParse(text) ? new URL(text) : undefined
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new MatrixError(400, 'M_INVALID_PARAM', 'That is not the address of a web page.')
  url.hash = '' // servers are not told of it
  return url
}

function toMatrixError({ failure, message }: OutboundError): MatrixError {
  if (failure === 'private-address')
    return new MatrixError(403, 'M_FORBIDDEN', 'Pages in private networks are not previewed.')
  return new MatrixError(502, 'M_UNKNOWN', `The page cannot be previewed: ${message}.`)
}
