/** The endpoints around accounts: sessions, devices, profiles, account data, filters, push rules, what the server can do. */

import { exchangeOpenIdTokenEndpoint } from '../federation/openid/exchange-open-id-token.js'
import { add3PIDEndpoint } from './account-management/add3-pid.js'
import { bind3PIDEndpoint } from './account-management/bind3-pid.js'
import { changePasswordEndpoint } from './account-management/change-password.js'
import { checkUsernameAvailabilityEndpoint } from './account-management/check-username-availability.js'
import { deactivateAccountEndpoint } from './account-management/deactivate-account.js'
import { delete3pidFromAccountEndpoint } from './account-management/delete3pid-from-account.js'
import { getAccount3PIDsEndpoint } from './account-management/get-account3-pids.js'
import { post3PIDsEndpoint } from './account-management/post3-pids.js'
import { registerEndpoint } from './account-management/register.js'
import { registrationTokenValidityEndpoint } from './account-management/registration-token-validity.js'
import {
  requestTokenTo3PIDEmailEndpoint,
  requestTokenTo3PIDMSISDNEndpoint,
  requestTokenToRegisterEmailEndpoint,
  requestTokenToRegisterMSISDNEndpoint,
  requestTokenToResetPasswordEmailEndpoint,
  requestTokenToResetPasswordMSISDNEndpoint,
} from './account-management/request-tokens.js'
import { unbind3pidFromAccountEndpoint } from './account-management/unbind3pid-from-account.js'
import { pingAppserviceEndpoint } from './application-services/ping-appservice.js'
import { getCapabilitiesEndpoint } from './capabilities/get-capabilities.js'
import { deleteDeviceEndpoint } from './device-management/delete-device.js'
import { deleteDevicesEndpoint } from './device-management/delete-devices.js'
import { getDeviceEndpoint } from './device-management/get-device.js'
import { getDevicesEndpoint } from './device-management/get-devices.js'
import { updateDeviceEndpoint } from './device-management/update-device.js'
import { requestOpenIdTokenEndpoint } from './openid/request-open-id-token.js'
import { deletePushRuleEndpoint } from './push-notifications/delete-push-rule.js'
import { getNotificationsEndpoint } from './push-notifications/get-notifications.js'
import { getPushRuleEndpoint } from './push-notifications/get-push-rule.js'
import { getPushRuleActionsEndpoint } from './push-notifications/get-push-rule-actions.js'
import { getPushRulesEndpoint } from './push-notifications/get-push-rules.js'
import { getPushRulesGlobalEndpoint } from './push-notifications/get-push-rules-global.js'
import { getPushersEndpoint } from './push-notifications/get-pushers.js'
import { isPushRuleEnabledEndpoint } from './push-notifications/is-push-rule-enabled.js'
import { postPusherEndpoint } from './push-notifications/post-pusher.js'
import { setPushRuleEndpoint } from './push-notifications/set-push-rule.js'
import { setPushRuleActionsEndpoint } from './push-notifications/set-push-rule-actions.js'
import { setPushRuleEnabledEndpoint } from './push-notifications/set-push-rule-enabled.js'
import { defineFilterEndpoint } from './room-participation/define-filter.js'
import { getFilterEndpoint } from './room-participation/get-filter.js'
import { getAdminLockUserEndpoint } from './server-administration/get-admin-lock-user.js'
import { getAdminSuspendUserEndpoint } from './server-administration/get-admin-suspend-user.js'
import { getVersionsEndpoint } from './server-administration/get-versions.js'
import { getWhoIsEndpoint } from './server-administration/get-who-is.js'
import { setAdminLockUserEndpoint } from './server-administration/set-admin-lock-user.js'
import { setAdminSuspendUserEndpoint } from './server-administration/set-admin-suspend-user.js'
import { generateLoginTokenEndpoint } from './session-management/generate-login-token.js'
import { getLoginFlowsEndpoint } from './session-management/get-login-flows.js'
import { getTokenOwnerEndpoint } from './session-management/get-token-owner.js'
import { loginEndpoint } from './session-management/login.js'
import { logoutEndpoint } from './session-management/logout.js'
import { logoutAllEndpoint } from './session-management/logout-all.js'
import { refreshEndpoint } from './session-management/refresh.js'
import { getProtocolMetadataEndpoint } from './third-party-lookup/get-protocol-metadata.js'
import { getProtocolsEndpoint } from './third-party-lookup/get-protocols.js'
import { queryLocationByAliasEndpoint } from './third-party-lookup/query-location-by-alias.js'
import { queryLocationByProtocolEndpoint } from './third-party-lookup/query-location-by-protocol.js'
import { queryUserByIDEndpoint } from './third-party-lookup/query-user-by-id.js'
import { queryUserByProtocolEndpoint } from './third-party-lookup/query-user-by-protocol.js'
import { deleteProfileFieldEndpoint } from './user-data/delete-profile-field.js'
import { deleteRoomTagEndpoint } from './user-data/delete-room-tag.js'
import { getAccountDataEndpoint } from './user-data/get-account-data.js'
import { getAccountDataPerRoomEndpoint } from './user-data/get-account-data-per-room.js'
import { getProfileFieldEndpoint } from './user-data/get-profile-field.js'
import { getRoomTagsEndpoint } from './user-data/get-room-tags.js'
import { getUserProfileEndpoint } from './user-data/get-user-profile.js'
import { setAccountDataEndpoint } from './user-data/set-account-data.js'
import { setAccountDataPerRoomEndpoint } from './user-data/set-account-data-per-room.js'
import { setProfileFieldEndpoint } from './user-data/set-profile-field.js'
import { setRoomTagEndpoint } from './user-data/set-room-tag.js'
import { searchUserDirectoryEndpoint } from './user-directory/search-user-directory.js'
import { getTurnServerEndpoint } from './voip/get-turn-server.js'

export const accountEndpoints = [
  getLoginFlowsEndpoint,
  loginEndpoint,
  generateLoginTokenEndpoint,
  refreshEndpoint,
  logoutEndpoint,
  logoutAllEndpoint,
  getTokenOwnerEndpoint,
  registerEndpoint,
  checkUsernameAvailabilityEndpoint,
  registrationTokenValidityEndpoint,
  changePasswordEndpoint,
  deactivateAccountEndpoint,
  getAccount3PIDsEndpoint,
  add3PIDEndpoint,
  bind3PIDEndpoint,
  delete3pidFromAccountEndpoint,
  post3PIDsEndpoint,
  unbind3pidFromAccountEndpoint,
  requestTokenTo3PIDEmailEndpoint,
  requestTokenTo3PIDMSISDNEndpoint,
  requestTokenToRegisterEmailEndpoint,
  requestTokenToRegisterMSISDNEndpoint,
  requestTokenToResetPasswordEmailEndpoint,
  requestTokenToResetPasswordMSISDNEndpoint,
  getUserProfileEndpoint,
  getProfileFieldEndpoint,
  setProfileFieldEndpoint,
  deleteProfileFieldEndpoint,
  getAccountDataEndpoint,
  setAccountDataEndpoint,
  getAccountDataPerRoomEndpoint,
  setAccountDataPerRoomEndpoint,
  getRoomTagsEndpoint,
  setRoomTagEndpoint,
  deleteRoomTagEndpoint,
  defineFilterEndpoint,
  getFilterEndpoint,
  getDevicesEndpoint,
  getDeviceEndpoint,
  updateDeviceEndpoint,
  deleteDeviceEndpoint,
  deleteDevicesEndpoint,
  searchUserDirectoryEndpoint,
  getTurnServerEndpoint,
  getProtocolsEndpoint,
  getProtocolMetadataEndpoint,
  queryLocationByProtocolEndpoint,
  queryUserByProtocolEndpoint,
  queryLocationByAliasEndpoint,
  queryUserByIDEndpoint,
  pingAppserviceEndpoint,
  requestOpenIdTokenEndpoint,
  exchangeOpenIdTokenEndpoint,
  getCapabilitiesEndpoint,
  getVersionsEndpoint,
  getAdminLockUserEndpoint,
  setAdminLockUserEndpoint,
  getAdminSuspendUserEndpoint,
  setAdminSuspendUserEndpoint,
  getWhoIsEndpoint,
  getPushRulesEndpoint,
  getPushRulesGlobalEndpoint,
  getPushRuleEndpoint,
  setPushRuleEndpoint,
  deletePushRuleEndpoint,
  isPushRuleEnabledEndpoint,
  setPushRuleEnabledEndpoint,
  getPushRuleActionsEndpoint,
  setPushRuleActionsEndpoint,
  getPushersEndpoint,
  getNotificationsEndpoint,
  postPusherEndpoint,
] as const
