/** The file that clients look for at the server name; the one for other servers is in the federation's list. */
import { getWellknownEndpoint } from './get-wellknown.js'

export const wellKnownEndpoints = [getWellknownEndpoint] as const
