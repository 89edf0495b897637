/** Builds uploads, downloads, thumbnails and the cache of other servers' files. */
import type { Clock } from '../kernel/clock.js'
import type { HomeserverConfig } from '../kernel/config.js'
import type { MxcUri, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import { together } from '../kernel/together.js'
import { version } from '../kernel/version.js'
import type { Outbound } from '../outbound/outbound.js'
import { readUploadedBytes } from '../store/media-store.js'
import type { Database } from '../store/reader.js'
import { makeFindMedia, type RemoteMedia } from './find-media.js'
import { openMediaFiles } from './media-files.js'
import { makeRemoteCache } from './remote-cache.js'
import { makeReadThumbnail } from './thumbnails.js'
import { makeUploadMedia } from './upload-media.js'
import { makeWithinQuota } from './upload-quota.js'
import { makeFetchPage } from './url-preview/fetch-page.js'
import { makeKeepPicture } from './url-preview/keep-picture.js'
import { makeMakePreview } from './url-preview/make-preview.js'
import { makeUrlPreviews } from './url-preview/preview-url.js'

/** Pages that show themselves to bots alone know them by this word. */
const userAgent = `Hearth/${version} (bot; link preview)`

type Needs = {
  db: Database
  clock: Clock
  serverName: ServerName
  /** Where the files are. */
  dir: string
  limits: HomeserverConfig['media']
  fetchRemoteMedia(uri: MxcUri, signal: AbortSignal): Promise<RemoteMedia>
  /** Where pages of links are got; undefined: links are not previewed. */
  outbound: Outbound | undefined
  log: Logger
}

export async function startMedia({ db, clock, serverName, dir, limits, fetchRemoteMedia, outbound, log }: Needs) {
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
  const previews = makeUrlPreviews({
    ...{ db, clock, serverName },
    makePreview:
      outbound &&
      makeMakePreview({
        fetchPage: makeFetchPage({ outbound, userAgent }),
        keepPicture: makeKeepPicture({ db, files, clock, serverName, remoteCache }),
      }),
  })
  return {
    operations: together({
      upload: makeUploadMedia({ db, files, clock, serverName, maxUploadBytes: maxBytes, withinQuota, uploaded }),
      download: { findMedia, openMediaFile: files.openFile, readThumbnail: makeReadThumbnail({ files }) },
      previews: { previewUrl: previews.previewUrl },
    }),
    removeOrphans: remoteCache.removeOrphans,
    forgetUrlPreviews: previews.forgetUrlPreviews,
    close: remoteCache.close,
  }
}
