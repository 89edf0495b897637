/** The endpoints for other servers. Bound only where federation is on. */

import { getWellKnownServerEndpoint } from '../well-known/get-well-known-server.js'
import { backfillRoomEndpoint } from './backfilling/backfill-room.js'
import { getMissingPreviousEventsEndpoint } from './backfilling/get-missing-previous-events.js'
import { getContentEndpoint } from './content-repository/get-content.js'
import { getContentThumbnailEndpoint } from './content-repository/get-content-thumbnail.js'
import { getUserDevicesEndpoint } from './device-management/get-user-devices.js'
import { claimUserEncryptionKeysEndpoint } from './end-to-end-encryption/claim-user-encryption-keys.js'
import { queryUserEncryptionKeysEndpoint } from './end-to-end-encryption/query-user-encryption-keys.js'
import { sendInviteV1Endpoint } from './inviting-to-a-room/send-invite-v1.js'
import { sendInviteV2Endpoint } from './inviting-to-a-room/send-invite-v2.js'
import { makeJoinEndpoint } from './joining-rooms/make-join.js'
import { sendJoinV2Endpoint } from './joining-rooms/send-join-v2.js'
import { makeKnockEndpoint } from './knocking-upon-a-room/make-knock.js'
import { sendKnockEndpoint } from './knocking-upon-a-room/send-knock.js'
import { makeLeaveEndpoint } from './leaving-rooms/make-leave.js'
import { sendLeaveV2Endpoint } from './leaving-rooms/send-leave-v2.js'
import { getEventAuthEndpoint } from './pdus/get-event-auth.js'
import { getPublicRoomsEndpoint } from './published-room-directory/get-public-rooms.js'
import { queryPublicRoomsEndpoint } from './published-room-directory/query-public-rooms.js'
import { queryInfoEndpoint } from './querying-for-information/query-info.js'
import { queryProfileEndpoint } from './querying-for-information/query-profile.js'
import { queryRoomDirectoryEndpoint } from './querying-for-information/query-room-directory.js'
import { getEventEndpoint } from './retrieving-events/get-event.js'
import { getEventByTimestampEndpoint } from './retrieving-events/get-event-by-timestamp.js'
import { getRoomStateEndpoint } from './retrieving-events/get-room-state.js'
import { getRoomStateIdsEndpoint } from './retrieving-events/get-room-state-ids.js'
import { bulkPerspectivesKeyQueryEndpoint } from './server-discovery/bulk-perspectives-key-query.js'
import { getServerKeyEndpoint } from './server-discovery/get-server-key.js'
import { getVersionEndpoint } from './server-discovery/get-version.js'
import { perspectivesKeyQueryEndpoint } from './server-discovery/perspectives-key-query.js'
import { getSpaceHierarchyEndpoint } from './spaces/get-space-hierarchy.js'
import { exchangeThirdPartyInviteEndpoint } from './third-party-invites/exchange-third-party-invite.js'
import { sendTransactionEndpoint } from './transactions/send-transaction.js'

export const federationEndpoints = [
  getWellKnownServerEndpoint,
  getVersionEndpoint,
  getServerKeyEndpoint,
  perspectivesKeyQueryEndpoint,
  bulkPerspectivesKeyQueryEndpoint,
  sendTransactionEndpoint,
  makeJoinEndpoint,
  sendJoinV2Endpoint,
  makeLeaveEndpoint,
  sendLeaveV2Endpoint,
  makeKnockEndpoint,
  sendKnockEndpoint,
  sendInviteV1Endpoint,
  sendInviteV2Endpoint,
  exchangeThirdPartyInviteEndpoint,
  backfillRoomEndpoint,
  getMissingPreviousEventsEndpoint,
  getEventEndpoint,
  getRoomStateEndpoint,
  getRoomStateIdsEndpoint,
  getEventByTimestampEndpoint,
  getEventAuthEndpoint,
  queryProfileEndpoint,
  queryRoomDirectoryEndpoint,
  queryInfoEndpoint,
  getPublicRoomsEndpoint,
  queryPublicRoomsEndpoint,
  getSpaceHierarchyEndpoint,
  getUserDevicesEndpoint,
  queryUserEncryptionKeysEndpoint,
  claimUserEncryptionKeysEndpoint,
  getContentEndpoint,
  getContentThumbnailEndpoint,
] as const
