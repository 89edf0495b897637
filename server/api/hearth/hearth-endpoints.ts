/** Our own endpoints for signed-in users. */
import { issueLiveTokenEndpoint } from './issue-live-token.js'
import { readServerInfoEndpoint } from './read-server-info.js'

export const hearthEndpoints = [issueLiveTokenEndpoint, readServerInfoEndpoint] as const
