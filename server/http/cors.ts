/**
 * Cross-origin headers: every Matrix path may be called from any web page, since it is the token
 * that authorises, never a cookie. Our own `/_hearth` and admin paths are for our own page only.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients
 */
export const corsHeaders: Record<string, string> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
  'access-control-max-age': '86400',
}

export const isMatrixPath = (url: string) => url.startsWith('/_matrix/') || url.startsWith('/.well-known/matrix/')
/** Synapse's admin API is called by web pages of other origins (admin tools), with a token like all else. */
export const isCrossOriginPath = (url: string) => isMatrixPath(url) || url.startsWith('/_synapse/admin/')

/** Of a program's, so that even an error is one of the API's. */
export const isApiPath = (url: string) => url.startsWith('/_') || isMatrixPath(url)
