/**
 * Media: what is known of each file, local and remote. The bytes are in the media folder, named by
 * their hash (`server/media/media-files.ts`), so that the same file uploaded twice is there once.
 *
 * Schema: schema/migrations/0002-rooms.surql
 */
import type { MxcUri, ServerName, UserId } from '../kernel/identifiers.js'
import type { Reader } from './reader.js'
import { insertRow, upsertRow, type Write } from './writes.js'

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
