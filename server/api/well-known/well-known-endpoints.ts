/** The files that clients look for at the server name; the one for other servers is in the federation's list. */
import { getWellknownEndpoint } from './get-wellknown.js'
import { getWellknownSupportEndpoint } from './get-wellknown-support.js'

export const wellKnownEndpoints = [getWellknownEndpoint, getWellknownSupportEndpoint] as const
