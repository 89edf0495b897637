/**
 * The server's administration over HTTP: accounts, rooms, devices, other servers in the form of Synapse, so that what is
 * done here can be done by any tool; invitations, passwords to hand on and the network at home in Hearth's own.
 */
import type { MetricsPast } from '../../live/server-metrics.js'
import { MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { Device } from '../../platform/matrix/own-account.js'

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

/** Everybody who can be written to, whatever their number. */
export async function listPeople(http: MatrixHttp): Promise<AdminUser[]> {
  const people: AdminUser[] = []
  for (let from = 0; ; ) {
    const { items, total } = await listUsers(http, { term: '', withDeactivated: false, from, limit: 200 })
    people.push(...items.filter(({ user_type, deactivated }) => user_type === null && !deactivated))
    from += items.length
    if (items.length === 0 || from >= total) return people
  }
}

/** In the name of the server, in a room of its own. */
export const sendServerNotice = (http: MatrixHttp, userId: string, body: string) =>
  http.request<object>('POST', `${admin}/v1/send_server_notice`, {
    body: { user_id: userId, content: { msgtype: 'm.text', body, 'm.mentions': {} } },
  })

export const readUser = (http: MatrixHttp, userId: string) =>
  http.request<AdminUser>('GET', `${admin}/v2/users/${id(userId)}`)

/** @throws MatrixRequestError `M_USER_IN_USE` instead of changing an account that exists */
export async function createUser(
  http: MatrixHttp,
  userId: string,
  account: { displayname?: string; admin: boolean },
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

/** The server's numbers of the last hour. @param since ms since the epoch; later samples only */
export const readMetricsHistory = (http: MatrixHttp, since: number) =>
  http.request<MetricsPast>('GET', '/_hearth/admin/v1/metrics_history', { query: { since } })

export type Invitation = {
  id: string
  /** ms since the epoch */
  created_ts: number
  created_by: string
  expires_ts?: number
  uses_allowed?: number
  uses: number
  room_ids: string[]
  label?: string
}

const own = '/_hearth/admin/v1'

export const listInvitations = async (http: MatrixHttp) =>
  (await http.request<{ invitations: Invitation[] }>('GET', `${own}/invitations`)).invitations

export type WantedInvitation = { expires_in_ms: number; uses_allowed: number; room_ids: string[]; label?: string }

/** @returns the token too, which the server tells once */
export const createInvitation = (http: MatrixHttp, wanted: WantedInvitation) =>
  http.request<{ invitation: Invitation; token: string }>('POST', `${own}/invitations`, { body: wanted })

export const revokeInvitation = (http: MatrixHttp, invitationId: string) =>
  http.request<object>('DELETE', `${own}/invitations/${id(invitationId)}`)

/** A password made up by the server, to hand on; its user is asked for one of their own. */
export const giveTemporaryPassword = async (http: MatrixHttp, userId: string, logsOut: boolean) =>
  (
    await http.request<{ password: string }>('POST', `${own}/users/${id(userId)}/temporary_password`, {
      body: { logout_devices: logsOut },
    })
  ).password

export type HomeAddress = {
  address: string
  interface: string
  is_chosen: boolean
  is_listening: boolean
  url?: string
  error?: string
}

export type Reachability = {
  this_machine: { url?: string }
  home_network: {
    state: 'off' | 'on' | 'failed' | 'by_configuration'
    addresses: HomeAddress[]
    connected: { address: string; users: string[]; since_ts: number; last_seen_ts: number }[]
  }
  public: { url?: string }
  federation: {
    is_on: boolean
    listener?: { port: number; certificate?: { names: string[]; expires_ts: number; is_for_server: boolean } }
  }
}

export const readReachability = (http: MatrixHttp) => http.request<Reachability>('GET', `${own}/reachability`)

/** @param interfaces without any, the network that the machine is mainly on */
export const setHomeNetwork = (http: MatrixHttp, isOn: boolean, interfaces?: readonly string[]) =>
  http.request<Reachability>('PUT', `${own}/home_network`, {
    body: { is_on: isOn, ...(interfaces ? { interfaces } : {}) },
  })
