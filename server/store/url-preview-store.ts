/**
 * Previews of web pages, by the hash of their address.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { MxcUri } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, upsertRow, type Write } from './writes.js'

export type UrlPreviewRow = {
  /** The preview as JSON, since the engine sorts object keys. */
  preview: string
  /** Milliseconds since the epoch. */
  fetched_at: number
  /** Media ID of its picture, which is this server's; absent: none. */
  media_id?: string
  /** SHA-256 of the picture, lower-case hex. */
  sha256?: string
}

/** A preview, and whether its picture is still here. */
export async function readUrlPreview(
  db: Reader,
  hash: string,
  { serverName }: Pick<MxcUri, 'serverName'>,
): Promise<(UrlPreviewRow & { hasPicture: boolean }) | undefined> {
  const [rows] = await db.query<[(UrlPreviewRow & { hasPicture: boolean })[]]>(
    `SELECT *, media_id != NONE AND record::exists(type::record('media', [$server, media_id])) AS hasPicture OMIT id
     FROM type::record('url_preview', $hash)`,
    { hash, server: serverName },
  )
  return rows[0]
}

/** Hashes of at most `limit` previews that were made before `before`. */
export async function readOldUrlPreviews(db: Reader, before: number, limit: number): Promise<string[]> {
  const [hashes] = await db.query<[string[]]>(
    `SELECT VALUE record::id(id) FROM url_preview WITH INDEX url_preview_fetched_at
     WHERE fetched_at < $before LIMIT $limit`,
    { before, limit },
  )
  return hashes
}

export const setUrlPreview = (hash: string, row: UrlPreviewRow): Write =>
  upsertRow('url_preview', { media_id: undefined, sha256: undefined, id: hash, ...row })

export const deleteUrlPreview = (hash: string): Write => deleteRow('url_preview', hash)
