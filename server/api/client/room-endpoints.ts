/** The endpoints that make, change and find rooms; reading them is in `sync/`'s list. */
import { updateAppserviceRoomDirectoryVisibilityEndpoint } from './application-services/update-appservice-room-directory-visibility.js'
import { getMutualRoomsEndpoint } from './mutual-rooms/get-mutual-rooms.js'
import { reportEventEndpoint } from './reporting-content/report-event.js'
import { reportRoomEndpoint } from './reporting-content/report-room.js'
import { reportUserEndpoint } from './reporting-content/report-user.js'
import { createRoomEndpoint } from './room-creation/create-room.js'
import { deleteRoomAliasEndpoint } from './room-directory/delete-room-alias.js'
import { getLocalAliasesEndpoint } from './room-directory/get-local-aliases.js'
import { getRoomIdByAliasEndpoint } from './room-directory/get-room-id-by-alias.js'
import { setRoomAliasEndpoint } from './room-directory/set-room-alias.js'
import { getPublicRoomsEndpoint } from './room-discovery/get-public-rooms.js'
import { getRoomSummaryEndpoint } from './room-discovery/get-room-summary.js'
import { getRoomVisibilityEndpoint } from './room-discovery/get-room-visibility.js'
import { queryPublicRoomsEndpoint } from './room-discovery/query-public-rooms.js'
import { setRoomVisibilityEndpoint } from './room-discovery/set-room-visibility.js'
import { banEndpoint } from './room-membership/ban.js'
import { forgetRoomEndpoint } from './room-membership/forget-room.js'
import { getJoinedRoomsEndpoint } from './room-membership/get-joined-rooms.js'
import { inviteUserEndpoint } from './room-membership/invite-user.js'
import { joinRoomEndpoint } from './room-membership/join-room.js'
import { joinRoomByIdEndpoint } from './room-membership/join-room-by-id.js'
import { kickEndpoint } from './room-membership/kick.js'
import { knockRoomEndpoint } from './room-membership/knock-room.js'
import { leaveRoomEndpoint } from './room-membership/leave-room.js'
import { unbanEndpoint } from './room-membership/unban.js'
import { redactEventEndpoint } from './room-participation/redact-event.js'
import { sendMessageEndpoint } from './room-participation/send-message.js'
import { setRoomStateWithKeyEndpoint } from './room-participation/set-room-state-with-key.js'
import { upgradeRoomEndpoint } from './room-upgrades/upgrade-room.js'
import { getSpaceHierarchyEndpoint } from './spaces/get-space-hierarchy.js'

export const roomEndpoints = [
  createRoomEndpoint,
  upgradeRoomEndpoint,
  sendMessageEndpoint,
  setRoomStateWithKeyEndpoint,
  redactEventEndpoint,
  joinRoomEndpoint,
  joinRoomByIdEndpoint,
  knockRoomEndpoint,
  inviteUserEndpoint,
  leaveRoomEndpoint,
  kickEndpoint,
  banEndpoint,
  unbanEndpoint,
  forgetRoomEndpoint,
  getJoinedRoomsEndpoint,
  getMutualRoomsEndpoint,
  getRoomIdByAliasEndpoint,
  setRoomAliasEndpoint,
  deleteRoomAliasEndpoint,
  getLocalAliasesEndpoint,
  getRoomVisibilityEndpoint,
  setRoomVisibilityEndpoint,
  updateAppserviceRoomDirectoryVisibilityEndpoint,
  reportEventEndpoint,
  reportRoomEndpoint,
  reportUserEndpoint,
  getRoomSummaryEndpoint,
  getSpaceHierarchyEndpoint,
  getPublicRoomsEndpoint,
  queryPublicRoomsEndpoint,
] as const
