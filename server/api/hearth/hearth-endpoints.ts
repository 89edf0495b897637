/** Our own endpoints for signed-in users, administrators and whoever was invited. */
import { acknowledgeToDeviceEndpoint } from './acknowledge-to-device.js'
import { createInvitationEndpoint } from './create-invitation.js'
import { giveTemporaryPasswordEndpoint } from './give-temporary-password.js'
import { issueLiveTokenEndpoint } from './issue-live-token.js'
import { listInvitationsEndpoint } from './list-invitations.js'
import { listReportsEndpoint } from './list-reports.js'
import { readInvitationEndpoint } from './read-invitation.js'
import { readMetricsHistoryEndpoint } from './read-metrics-history.js'
import { readReachabilityEndpoint } from './read-reachability.js'
import { readServerInfoEndpoint } from './read-server-info.js'
import { removeReportEndpoint } from './remove-report.js'
import { revokeInvitationEndpoint } from './revoke-invitation.js'
import { setHomeNetworkEndpoint } from './set-home-network.js'
import { confirmMailLinkEndpoint, showMailLinkEndpoint } from './validate-email.js'

export const hearthEndpoints = [
  issueLiveTokenEndpoint,
  acknowledgeToDeviceEndpoint,
  readServerInfoEndpoint,
  readMetricsHistoryEndpoint,
  listReportsEndpoint,
  removeReportEndpoint,
  giveTemporaryPasswordEndpoint,
  createInvitationEndpoint,
  listInvitationsEndpoint,
  revokeInvitationEndpoint,
  readInvitationEndpoint,
  showMailLinkEndpoint,
  confirmMailLinkEndpoint,
  readReachabilityEndpoint,
  setHomeNetworkEndpoint,
] as const
