/** The endpoints of the content repository. */
import { createContentEndpoint } from './media/create-content.js'
import { getConfigEndpoint } from './media/get-config.js'
import { getConfigAuthedEndpoint } from './media/get-config-authed.js'
import { getContentEndpoint } from './media/get-content.js'
import { getContentAuthedEndpoint } from './media/get-content-authed.js'
import { getContentOverrideNameEndpoint } from './media/get-content-override-name.js'
import { getContentOverrideNameAuthedEndpoint } from './media/get-content-override-name-authed.js'
import { getContentThumbnailEndpoint } from './media/get-content-thumbnail.js'
import { getContentThumbnailAuthedEndpoint } from './media/get-content-thumbnail-authed.js'
import { getUrlPreviewEndpoint } from './media/get-url-preview.js'
import { getUrlPreviewAuthedEndpoint } from './media/get-url-preview-authed.js'
import { uploadContentEndpoint } from './media/upload-content.js'
import { uploadContentToMxcEndpoint } from './media/upload-content-to-mxc.js'

export const mediaEndpoints = [
  getContentAuthedEndpoint,
  getContentOverrideNameAuthedEndpoint,
  getContentEndpoint,
  getContentOverrideNameEndpoint,
  getContentThumbnailAuthedEndpoint,
  getContentThumbnailEndpoint,
  uploadContentEndpoint,
  uploadContentToMxcEndpoint,
  createContentEndpoint,
  getConfigAuthedEndpoint,
  getConfigEndpoint,
  getUrlPreviewAuthedEndpoint,
  getUrlPreviewEndpoint,
] as const
