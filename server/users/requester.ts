/**
 * Who makes a request: what authentication hands to an endpoint.
 *
 * Made only by `authenticate.ts`, from a login session that was active when the request came in.
 */
import type { DeviceId, UserId } from '../kernel/identifiers.js'

export type Requester = {
  readonly userId: UserId
  readonly deviceId: DeviceId
  /** The login session, stable through token refresh. */
  readonly sid: string
  readonly isAdmin: boolean
  readonly isGuest: boolean
  /** May read, leave and log out, but not speak. Spec: client-server-api, "Account suspension". */
  readonly isSuspended: boolean
  /** The application service that acts as this user; its device ID is empty where it names no device. */
  readonly appservice?: { readonly id: string; readonly isRateLimited: boolean }
  /** Lookup hash of the access token that was used; never the token. */
  readonly tokenHash: string
}
