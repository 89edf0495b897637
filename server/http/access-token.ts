/**
 * Finds the access token of a request: `Authorization: Bearer …`, else `access_token` in the query.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 */
import { MatrixError } from '../kernel/errors.js'

/** @returns the token, or undefined where there is none */
export function accessTokenOf(
  authorization: string | undefined,
  query: Readonly<Record<string, unknown>>,
): string | undefined {
  if (authorization !== undefined) {
    const [scheme, token, ...rest] = authorization.split(' ')
    if (scheme?.toLowerCase() === 'bearer' && token && rest.length === 0) return token
  }
  return typeof query.access_token === 'string' && query.access_token !== '' ? query.access_token : undefined
}

export const missingToken = () => new MatrixError(401, 'M_MISSING_TOKEN', 'This needs an access token.')
