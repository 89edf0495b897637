/**
 * GET /_matrix/client/v3/capabilities (operationId `getCapabilities`)
 *
 * What this server can do for its users.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../../http/endpoint.js'

type Needs = { defaultRoomVersion: string; roomVersions: readonly string[]; sendsMail: boolean }

export const getCapabilitiesEndpoint = defineEndpoint({
  operationId: 'getCapabilities',
  method: 'GET',
  path: '/_matrix/client/v3/capabilities',
  auth: 'access-token',
  guests: true,
  response: Type.Object({ capabilities: Type.Record(Type.String(), Type.Unknown()) }),
  handle: ({ requester }, hs: Needs) => ({
    capabilities: {
      'm.room_versions': {
        default: hs.defaultRoomVersion,
        available: Object.fromEntries(hs.roomVersions.map((version) => [version, 'stable'])),
      },
      'm.change_password': { enabled: true },
      'm.set_displayname': { enabled: true },
      'm.set_avatar_url': { enabled: true },
      'm.profile_fields': { enabled: true },
      'm.3pid_changes': { enabled: hs.sendsMail },
      'm.get_login_token': { enabled: !requester.isGuest },
      'm.forget_forced_upon_leave': { enabled: false },
      ...(requester.isAdmin && { 'm.account_moderation': { suspend: true, lock: true } }),
    },
  }),
})
