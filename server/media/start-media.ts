/** Builds uploads, downloads, thumbnails and the cache of other servers' files. */
import type { Clock } from '../kernel/clock.js'
import type { HomeserverConfig } from '../kernel/config.js'
import type { MxcUri, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { together } from '../kernel/together.js'
import { readUploadedBytes } from '../store/media-store.js'
import type { Database } from '../store/reader.js'
import { makeFindMedia, type RemoteMedia } from './find-media.js'
import { openMediaFiles } from './media-files.js'
import { makeRemoteCache } from './remote-cache.js'
import { makeReadThumbnail } from './thumbnails.js'
import { makeUploadMedia } from './upload-media.js'
import { makeWithinQuota } from './upload-quota.js'

type Needs = {
  db: Database
  clock: Clock
  serverName: ServerName
  /** Where the files are. */
  dir: string
  limits: HomeserverConfig['media']
  fetchRemoteMedia(uri: MxcUri, signal: AbortSignal): Promise<RemoteMedia>
  log: Logger
}

export async function startMedia({ db, clock, serverName, dir, limits, fetchRemoteMedia, log }: Needs) {
  const maxBytes = limits.max_upload_bytes
  const files = await openMediaFiles(dir, clock)
  const remoteCache = makeRemoteCache({ db, files, clock, maxBytes: limits.remote_cache_bytes, log })
  const withinQuota = makeWithinQuota({
    maxUploadBytes: maxBytes,
    quotaBytes: limits.user_quota_bytes,
    readUploadedBytes: (uploader) => readUploadedBytes(db, uploader),
  })
  const { findMedia, uploaded } = makeFindMedia({
    ...{ db, files, clock, serverName, maxBytes, remoteCache, fetchRemoteMedia },
  })
  return {
    operations: together({
      upload: makeUploadMedia({ db, files, clock, serverName, maxUploadBytes: maxBytes, withinQuota, uploaded }),
      download: { findMedia, openMediaFile: files.openFile, readThumbnail: makeReadThumbnail({ files }) },
    }),
    removeOrphans: remoteCache.removeOrphans,
    close: remoteCache.close,
  }
}
