/** Administration in the form of Synapse, so that its tools work. */
import { deactivateUserEndpoint } from './deactivate-user.js'
import { deleteUserDeviceEndpoint } from './delete-user-device.js'
import { getRoomEndpoint } from './get-room.js'
import { getServerVersionEndpoint } from './get-server-version.js'
import { getSharedSecretNonceEndpoint } from './get-shared-secret-nonce.js'
import { getUserEndpoint } from './get-user.js'
import { getUserAdminEndpoint } from './get-user-admin.js'
import { listDestinationsEndpoint } from './list-destinations.js'
import { listRoomMembersEndpoint } from './list-room-members.js'
import { listRoomsEndpoint } from './list-rooms.js'
import { listUserDevicesEndpoint } from './list-user-devices.js'
import { listUsersEndpoint } from './list-users.js'
import { putUserEndpoint } from './put-user.js'
import { registerWithSharedSecretEndpoint } from './register-with-shared-secret.js'
import { resetDestinationEndpoint } from './reset-destination.js'
import { resetPasswordEndpoint } from './reset-password.js'
import { sendServerNoticeEndpoint } from './send-server-notice.js'
import { setUserAdminEndpoint } from './set-user-admin.js'

export const adminEndpoints = [
  getSharedSecretNonceEndpoint,
  registerWithSharedSecretEndpoint,
  getServerVersionEndpoint,
  listUsersEndpoint,
  getUserEndpoint,
  putUserEndpoint,
  deactivateUserEndpoint,
  resetPasswordEndpoint,
  getUserAdminEndpoint,
  setUserAdminEndpoint,
  listUserDevicesEndpoint,
  deleteUserDeviceEndpoint,
  listRoomsEndpoint,
  getRoomEndpoint,
  listRoomMembersEndpoint,
  listDestinationsEndpoint,
  resetDestinationEndpoint,
  sendServerNoticeEndpoint,
] as const
