/**
 * The server's administration over HTTP: accounts, rooms, devices, other servers. In the form of Synapse, as
 * the server offers it, so that what is done here can be done by any tool.
 */
import { MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'

export type ServerInfo = {
  server_name: string
  version: string
  federation: boolean
  public_baseurl?: string
  is_admin: boolean
  /** ms since the epoch */
  started_at: number
  /** For admins alone. */
  data_dir?: string
}

export type AdminUser = {
  /** User ID. */
  name: string
  displayname: string | null
  avatar_url: string | null
  is_guest: boolean
  admin: boolean
  deactivated: boolean
  locked: boolean
  suspended: boolean
  user_type: string | null
  /** ms since the epoch */
  creation_ts: number
}

export type AdminRoom = {
  room_id: string
  name: string | null
  canonical_alias: string | null
  topic: string | null
  avatar: string | null
  joined_members: number
  joined_local_members: number
  version: string
  creator: string
  encryption: string | null
  federatable: boolean
  public: boolean
  join_rules: string | null
  history_visibility: string | null
  state_events: number
  room_type: string | null
}

export type Device = { device_id: string; display_name?: string; last_seen_ip?: string; last_seen_ts?: number }

export type Destination = {
  destination: string
  /** ms since the epoch, 0 when it is well */
  retry_last_ts: number
  retry_interval: number
  failure_ts: number | null
}

export type Page<Item> = { items: Item[]; total: number }
export type RoomOrder = 'name' | 'canonical_alias' | 'version' | 'last_position'

const admin = '/_synapse/admin'
const id = encodeURIComponent

export const readServerInfo = (http: MatrixHttp) => http.request<ServerInfo>('GET', '/_hearth/client/v1/server_info')

export async function listUsers(
  http: MatrixHttp,
  query: { term: string; withDeactivated: boolean; from: number; limit: number },
): Promise<Page<AdminUser>> {
  const { users, total } = await http.request<{ users: AdminUser[]; total: number }>('GET', `${admin}/v2/users`, {
    query: {
      from: query.from,
      limit: query.limit,
      name: query.term.trim().toLowerCase() || undefined,
      deactivated: query.withDeactivated,
    },
  })
  return { items: users, total }
}

export const readUser = (http: MatrixHttp, userId: string) =>
  http.request<AdminUser>('GET', `${admin}/v2/users/${id(userId)}`)

/** @throws MatrixRequestError `M_USER_IN_USE` instead of changing an account that exists */
export async function createUser(
  http: MatrixHttp,
  userId: string,
  account: { password: string; displayname?: string; admin: boolean },
): Promise<AdminUser> {
  const exists = await readUser(http, userId).then(
    () => true,
    (error: unknown) => {
      if (error instanceof MatrixRequestError && error.status === 404) return false
      throw error
    },
  )
  if (exists) throw new MatrixRequestError(400, 'M_USER_IN_USE', 'There is such an account.', undefined, {})
  return http.request<AdminUser>('PUT', `${admin}/v2/users/${id(userId)}`, { body: account })
}

export const setUserLocked = (http: MatrixHttp, userId: string, locked: boolean) =>
  http.request<AdminUser>('PUT', `${admin}/v2/users/${id(userId)}`, { body: { locked } })

export const setUserAdmin = (http: MatrixHttp, userId: string, isAdmin: boolean) =>
  http.request<object>('PUT', `${admin}/v1/users/${id(userId)}/admin`, { body: { admin: isAdmin } })

export const resetPassword = (http: MatrixHttp, userId: string, newPassword: string, logsOut: boolean) =>
  http.request<object>('POST', `${admin}/v1/reset_password/${id(userId)}`, {
    body: { new_password: newPassword, logout_devices: logsOut },
  })

export const deactivateUser = (http: MatrixHttp, userId: string, erase: boolean) =>
  http.request<object>('POST', `${admin}/v1/deactivate/${id(userId)}`, { body: { erase } })

export const listUserDevices = async (http: MatrixHttp, userId: string) =>
  (await http.request<{ devices: Device[] }>('GET', `${admin}/v2/users/${id(userId)}/devices`)).devices

export const deleteUserDevice = (http: MatrixHttp, userId: string, deviceId: string) =>
  http.request<object>('DELETE', `${admin}/v2/users/${id(userId)}/devices/${id(deviceId)}`)

export async function listRooms(
  http: MatrixHttp,
  query: { term: string; order: RoomOrder; isBackwards: boolean; from: number; limit: number },
): Promise<Page<AdminRoom>> {
  const { rooms, total_rooms } = await http.request<{ rooms: AdminRoom[]; total_rooms: number }>(
    'GET',
    `${admin}/v1/rooms`,
    {
      query: {
        from: query.from,
        limit: query.limit,
        search_term: query.term.trim() || undefined,
        order_by: query.order,
        dir: query.isBackwards ? 'b' : 'f',
      },
    },
  )
  return { items: rooms, total: total_rooms }
}

export const readRoom = (http: MatrixHttp, roomId: string) =>
  http.request<AdminRoom>('GET', `${admin}/v1/rooms/${id(roomId)}`)

export const listRoomMembers = (http: MatrixHttp, roomId: string) =>
  http.request<{ members: string[]; total: number }>('GET', `${admin}/v1/rooms/${id(roomId)}/members`)

export const listDestinations = async (http: MatrixHttp) =>
  (
    await http.request<{ destinations: Destination[] }>('GET', `${admin}/v1/federation/destinations`, {
      query: { limit: 1000 },
    })
  ).destinations

/** Forgets the waiting time: the server tries to reach this one at once. */
export const retryDestination = (http: MatrixHttp, destination: string) =>
  http.request<object>('POST', `${admin}/v1/federation/destinations/${id(destination)}/reset_connection`, { body: {} })

/** The own devices. */
export const listMyDevices = async (http: MatrixHttp) =>
  (await http.request<{ devices: Device[] }>('GET', '/_matrix/client/v3/devices')).devices

export const renameMyDevice = (http: MatrixHttp, deviceId: string, displayName: string) =>
  http.request<object>('PUT', `/_matrix/client/v3/devices/${id(deviceId)}`, { body: { display_name: displayName } })

/**
 * Logs own devices out; the server wants the password for it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
 *
 * @throws MatrixRequestError `M_FORBIDDEN` for a wrong password
 */
export async function deleteMyDevices(
  http: MatrixHttp,
  userId: string,
  deviceIds: readonly string[],
  password: string,
): Promise<void> {
  const post = (auth?: object) =>
    http.request<object>('POST', '/_matrix/client/v3/delete_devices', {
      body: { devices: deviceIds, ...(auth ? { auth } : {}) },
    })
  try {
    await post()
  } catch (error) {
    const session = error instanceof MatrixRequestError && error.status === 401 ? error.body.session : undefined
    if (typeof session !== 'string') throw error
    await post({ type: 'm.login.password', identifier: { type: 'm.id.user', user: userId }, password, session }).catch(
      (refusal: unknown) => {
        // A wrong password is asked for again (401), and that is what the person should hear.
        if (refusal instanceof MatrixRequestError && refusal.status === 401)
          throw new MatrixRequestError(403, 'M_FORBIDDEN', refusal.message, undefined, {})
        throw refusal
      },
    )
  }
}
