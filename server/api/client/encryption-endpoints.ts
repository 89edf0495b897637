/** The endpoints of end-to-end encryption: keys of devices and users, what vouches for them, and messages to devices. */
import { claimKeysEndpoint } from './end-to-end-encryption/claim-keys.js'
import { getKeysChangesEndpoint } from './end-to-end-encryption/get-keys-changes.js'
import { queryKeysEndpoint } from './end-to-end-encryption/query-keys.js'
import { uploadCrossSigningKeysEndpoint } from './end-to-end-encryption/upload-cross-signing-keys.js'
import { uploadCrossSigningSignaturesEndpoint } from './end-to-end-encryption/upload-cross-signing-signatures.js'
import { uploadKeysEndpoint } from './end-to-end-encryption/upload-keys.js'
import { sendToDeviceEndpoint } from './send-to-device/send-to-device.js'

export const encryptionEndpoints = [
  uploadKeysEndpoint,
  queryKeysEndpoint,
  claimKeysEndpoint,
  getKeysChangesEndpoint,
  uploadCrossSigningKeysEndpoint,
  uploadCrossSigningSignaturesEndpoint,
  sendToDeviceEndpoint,
] as const
