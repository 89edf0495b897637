/**
 * Media: what is known of each file, local and remote. The bytes are in the media folder, named by
 * their hash (`server/media/media-files.ts`), so that the same file uploaded twice is there once.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { MxcUri, ServerName, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { deleteRow, insertRow, upsertRow, type Write } from './writes.js'

export type MediaRow = {
  server_name: ServerName
  media_id: string
  /** As the uploader said, or as sniffed where they said nothing. */
  content_type: string
  /** Bytes. */
  size: number
  upload_name?: string
  /** Undefined for media of other servers. */
  uploader?: UserId
  created_at: number
  /** Lower-case hex. Undefined while a reserved URI waits for its upload. */
  sha256?: string
  /** A reserved URI is free for nobody after this time, in milliseconds since the epoch. */
  unused_expires_at?: number
  quarantined: boolean
  /** Of media of other servers: when it was last asked for, to the hour, in milliseconds since the epoch. */
  last_access?: number
}

export async function readMedia(db: Reader, { serverName, mediaId }: MxcUri): Promise<MediaRow | undefined> {
  const [rows] = await db.query<[MediaRow[]]>('SELECT * OMIT id FROM type::record("media", [$server, $media])', {
    server: serverName,
    media: mediaId,
  })
  return rows[0]
}

/** Fails its unit when the URI is taken. */
export const insertMedia = (row: MediaRow): Write => insertRow('media', { id: [row.server_name, row.media_id], ...row })

/** Sets the given members; undefined removes one. */
export const setMedia = (
  { serverName, mediaId }: MxcUri,
  fields: { [Name in keyof MediaRow]?: MediaRow[Name] | undefined },
): Write => upsertRow('media', { id: [serverName, mediaId], ...fields })

export const deleteMedia = ({ serverName, mediaId }: MxcUri): Write => deleteRow('media', [serverName, mediaId])

/** Bytes of all media of other servers. */
export async function readRemoteBytes(db: Reader): Promise<number> {
  const [rows] = await db.query<[{ bytes: number }[]]>(
    'SELECT math::sum(size) AS bytes FROM media WITH INDEX media_last_access WHERE last_access > 0 GROUP ALL',
  )
  return rows[0]?.bytes ?? 0
}

/** Media of other servers that nobody asked for since `before`, least used first, at most `limit`. */
export async function readLeastUsed(db: Reader, before: number, limit: number): Promise<MediaRow[]> {
  // Without ORDER BY: the index is in that order, and the engine then reads no more than it needs.
  const [rows] = await db.query<[MediaRow[]]>(
    `SELECT * OMIT id FROM media WITH INDEX media_last_access
     WHERE last_access > 0 AND last_access < $before AND quarantined = false LIMIT $limit`,
    { before, limit },
  )
  return rows
}

/** Bytes of all that a user has uploaded. */
export async function readUploadedBytes(db: Reader, uploader: UserId): Promise<number> {
  const [rows] = await db.query<[{ bytes: number }[]]>(
    'SELECT math::sum(size) AS bytes FROM media WITH INDEX media_uploader WHERE uploader = $uploader GROUP ALL',
    { uploader },
  )
  return rows[0]?.bytes ?? 0
}

/** Whether some URI stands for the file with this hash. */
export async function isFileKnown(db: Reader, sha256: string): Promise<boolean> {
  const [rows] = await db.query<[string[]]>(
    'SELECT VALUE sha256 FROM media WITH INDEX media_sha256 WHERE sha256 = $sha256 LIMIT 1',
    { sha256 },
  )
  return rows.length > 0
}
