/** The endpoints of end-to-end encryption: keys of devices and users, what vouches for them, messages to devices, and key backups. */

import { deleteDehydratedDeviceEndpoint } from '../unstable/dehydrated-device/delete-dehydrated-device.js'
import { getDehydratedDeviceEndpoint } from '../unstable/dehydrated-device/get-dehydrated-device.js'
import { getDehydratedDeviceEventsEndpoint } from '../unstable/dehydrated-device/get-dehydrated-device-events.js'
import { putDehydratedDeviceEndpoint } from '../unstable/dehydrated-device/put-dehydrated-device.js'
import { claimKeysEndpoint } from './end-to-end-encryption/claim-keys.js'
import { deleteRoomKeyBySessionIdEndpoint } from './end-to-end-encryption/delete-room-key-by-session-id.js'
import { deleteRoomKeysEndpoint } from './end-to-end-encryption/delete-room-keys.js'
import { deleteRoomKeysByRoomIdEndpoint } from './end-to-end-encryption/delete-room-keys-by-room-id.js'
import { deleteRoomKeysVersionEndpoint } from './end-to-end-encryption/delete-room-keys-version.js'
import { getKeysChangesEndpoint } from './end-to-end-encryption/get-keys-changes.js'
import { getRoomKeyBySessionIdEndpoint } from './end-to-end-encryption/get-room-key-by-session-id.js'
import { getRoomKeysEndpoint } from './end-to-end-encryption/get-room-keys.js'
import { getRoomKeysByRoomIdEndpoint } from './end-to-end-encryption/get-room-keys-by-room-id.js'
import { getRoomKeysVersionEndpoint } from './end-to-end-encryption/get-room-keys-version.js'
import { getRoomKeysVersionCurrentEndpoint } from './end-to-end-encryption/get-room-keys-version-current.js'
import { postRoomKeysVersionEndpoint } from './end-to-end-encryption/post-room-keys-version.js'
import { putRoomKeyBySessionIdEndpoint } from './end-to-end-encryption/put-room-key-by-session-id.js'
import { putRoomKeysEndpoint } from './end-to-end-encryption/put-room-keys.js'
import { putRoomKeysByRoomIdEndpoint } from './end-to-end-encryption/put-room-keys-by-room-id.js'
import { putRoomKeysVersionEndpoint } from './end-to-end-encryption/put-room-keys-version.js'
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
  deleteDehydratedDeviceEndpoint,
  getDehydratedDeviceEndpoint,
  getDehydratedDeviceEventsEndpoint,
  putDehydratedDeviceEndpoint,
  getRoomKeysVersionCurrentEndpoint,
  postRoomKeysVersionEndpoint,
  getRoomKeysVersionEndpoint,
  putRoomKeysVersionEndpoint,
  deleteRoomKeysVersionEndpoint,
  getRoomKeysEndpoint,
  putRoomKeysEndpoint,
  deleteRoomKeysEndpoint,
  getRoomKeysByRoomIdEndpoint,
  putRoomKeysByRoomIdEndpoint,
  deleteRoomKeysByRoomIdEndpoint,
  getRoomKeyBySessionIdEndpoint,
  putRoomKeyBySessionIdEndpoint,
  deleteRoomKeyBySessionIdEndpoint,
] as const
