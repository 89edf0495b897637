/**
 * The errors a client or another server may see, and the catalogue of their codes.
 *
 * An operation throws `MatrixError`; anything else that is thrown is a bug, logged whole by the one
 * handler in `http/` and answered 500 `M_UNKNOWN`.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#standard-error-response
 */

/** Every errcode this server can answer. `docs/error-codes.md` lists the same; a test compares them. */
export const errorCodes = [
  'M_FORBIDDEN',
  'M_UNKNOWN_TOKEN',
  'M_MISSING_TOKEN',
  'M_USER_LOCKED',
  'M_USER_SUSPENDED',
  'M_BAD_JSON',
  'M_NOT_JSON',
  'M_NOT_FOUND',
  'M_LIMIT_EXCEEDED',
  'M_RESOURCE_LIMIT_EXCEEDED',
  'M_UNRECOGNIZED',
  'M_UNKNOWN',
  'M_UNAUTHORIZED',
  'M_USER_DEACTIVATED',
  'M_USER_IN_USE',
  'M_INVALID_USERNAME',
  'M_ROOM_IN_USE',
  'M_INVALID_ROOM_STATE',
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_BAD_STATE',
  'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
  'M_GUEST_ACCESS_FORBIDDEN',
  'M_MISSING_PARAM',
  'M_INVALID_PARAM',
  'M_TOO_LARGE',
  'M_WEAK_PASSWORD',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_NOT_YET_UPLOADED',
  'M_CANNOT_OVERWRITE_MEDIA',
  'M_UNKNOWN_POS',
  'M_INVALID_SIGNATURE',
  'M_WRONG_ROOM_KEYS_VERSION',
  'M_BAD_ALIAS',
  'M_PROFILE_TOO_LARGE',
  'M_KEY_TOO_LARGE',
  'M_DUPLICATE_ANNOTATION',
  'M_EXCLUSIVE',
  'M_UNKNOWN_DEVICE',
  'M_URL_NOT_SET',
  'M_BAD_STATUS',
  'M_CONNECTION_FAILED',
  'M_CONNECTION_TIMEOUT',
  'M_THREEPID_AUTH_FAILED',
  'M_THREEPID_IN_USE',
  'M_THREEPID_MEDIUM_NOT_SUPPORTED',
  'M_THREEPID_NOT_FOUND',
] as const

export type ErrorCode = (typeof errorCodes)[number]

export class MatrixError extends Error {
  /**
   * @param status  HTTP status
   * @param errcode one of the catalogue
   * @param message a sentence for a human; goes out as `error`
   * @param extra   further members of the body, e.g. `{ soft_logout: true }`, `{ retry_after_ms: 500 }`
   */
  constructor(
    readonly status: number,
    readonly errcode: ErrorCode,
    message: string,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(message)
    this.name = 'MatrixError'
  }

  toBody(): { errcode: ErrorCode; error: string } & Record<string, unknown> {
    return { errcode: this.errcode, error: this.message, ...this.extra }
  }
}

export const forbidden = (message: string) => new MatrixError(403, 'M_FORBIDDEN', message)
export const userSuspended = () =>
  new MatrixError(403, 'M_USER_SUSPENDED', 'Your account is suspended: you may read, but not do that.')
export const notFound = (message: string) => new MatrixError(404, 'M_NOT_FOUND', message)
export const badJson = (message: string) => new MatrixError(400, 'M_BAD_JSON', message)
export const invalidParam = (message: string) => new MatrixError(400, 'M_INVALID_PARAM', message)
export const missingParam = (message: string) => new MatrixError(400, 'M_MISSING_PARAM', message)
