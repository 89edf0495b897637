/** The files that other servers and clients look for at the server name. */
import { getWellKnownServerEndpoint } from './get-well-known-server.js'
import { getWellknownEndpoint } from './get-wellknown.js'

export const wellKnownEndpoints = [getWellknownEndpoint, getWellKnownServerEndpoint] as const
