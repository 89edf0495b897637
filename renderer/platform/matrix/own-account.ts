/**
 * What everybody does with their own account: password, and the sessions that are logged in to it.
 *
 * The server asks for the password again before it does what cannot be taken back.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 */
import { MatrixRequestError } from './errors.js'
import type { MatrixHttp } from './http.js'

export type Device = { device_id: string; display_name?: string; last_seen_ip?: string; last_seen_ts?: number }

const id = encodeURIComponent

export const listMyDevices = async (http: MatrixHttp) =>
  (await http.request<{ devices: Device[] }>('GET', '/_matrix/client/v3/devices')).devices

export const renameMyDevice = (http: MatrixHttp, deviceId: string, displayName: string) =>
  http.request<object>('PUT', `/_matrix/client/v3/devices/${id(deviceId)}`, { body: { display_name: displayName } })

/** Logs own devices out. @throws MatrixRequestError `M_FORBIDDEN` for a wrong password */
export const deleteMyDevices = (http: MatrixHttp, userId: string, deviceIds: readonly string[], password: string) =>
  provePassword(userId, password, (auth) =>
    http.request<object>('POST', '/_matrix/client/v3/delete_devices', { body: { devices: deviceIds, ...auth } }),
  )

/** @throws MatrixRequestError `M_FORBIDDEN` for a wrong password, `M_WEAK_PASSWORD` for a new one that will not do */
export const changeMyPassword = (
  http: MatrixHttp,
  userId: string,
  change: { current: string; next: string; logsOut: boolean },
) =>
  provePassword(userId, change.current, (auth) =>
    http.request<object>('POST', '/_matrix/client/v3/account/password', {
      body: { new_password: change.next, logout_devices: change.logsOut, ...auth },
    }),
  )

async function provePassword(
  userId: string,
  password: string,
  post: (auth: { auth?: object }) => Promise<object>,
): Promise<void> {
  try {
    await post({})
  } catch (error) {
    const session = error instanceof MatrixRequestError && error.status === 401 ? error.body.session : undefined
    if (typeof session !== 'string') throw error
    const identifier = { type: 'm.id.user', user: userId }
    await post({ auth: { type: 'm.login.password', identifier, password, session } }).catch((refusal: unknown) => {
      // A wrong password is asked for again (401), and that is what the person should hear.
      if (refusal instanceof MatrixRequestError && refusal.status === 401)
        throw new MatrixRequestError(403, 'M_FORBIDDEN', refusal.message, undefined, {})
      throw refusal
    })
  }
}
