/**
 * The user's own account: profile, account data, tags, presence, devices, live token.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#profiles
 */
import { MatrixRequestError } from './errors.js'
import type { MatrixHttp } from './http.js'

export type Profile = { displayname?: string; avatar_url?: string }
export type LiveToken = { token: string; expires_in_ms: number; url: string; namespace: string; database: string }

const user = (userId: string, rest: string) => `/_matrix/client/v3/user/${encodeURIComponent(userId)}/${rest}`
const profile = (userId: string, rest = '') => `/_matrix/client/v3/profile/${encodeURIComponent(userId)}${rest}`

const pushRule = (kind: string, ruleId: string) =>
  `/_matrix/client/v3/pushrules/global/${kind}/${encodeURIComponent(ruleId)}`

export function makeAccount(http: MatrixHttp) {
  return {
    whoAmI: () => http.request<{ user_id: string; device_id?: string }>('GET', '/_matrix/client/v3/account/whoami'),
    readProfile: (userId: string) => http.request<Profile>('GET', profile(userId)),
    setDisplayName: (userId: string, displayname: string) =>
      http.request<object>('PUT', profile(userId, '/displayname'), { body: { displayname } }),
    setAvatarUrl: (userId: string, avatar_url: string) =>
      http.request<object>('PUT', profile(userId, '/avatar_url'), { body: { avatar_url } }),
    setPresence: (userId: string, presence: 'online' | 'unavailable' | 'offline', status_msg?: string) =>
      http.request<object>('PUT', `/_matrix/client/v3/presence/${encodeURIComponent(userId)}/status`, {
        body: { presence, ...(status_msg === undefined ? {} : { status_msg }) },
      }),
    setAccountData: (userId: string, type: string, content: object) =>
      http.request<object>('PUT', user(userId, `account_data/${encodeURIComponent(type)}`), { body: content }),
    setRoomAccountData: (userId: string, roomId: string, type: string, content: object) =>
      http.request<object>(
        'PUT',
        user(userId, `rooms/${encodeURIComponent(roomId)}/account_data/${encodeURIComponent(type)}`),
        { body: content },
      ),
    setTag: (userId: string, roomId: string, tag: string) =>
      http.request<object>('PUT', user(userId, `rooms/${encodeURIComponent(roomId)}/tags/${encodeURIComponent(tag)}`), {
        body: {},
      }),
    deleteTag: (userId: string, roomId: string, tag: string) =>
      http.request<object>(
        'DELETE',
        user(userId, `rooms/${encodeURIComponent(roomId)}/tags/${encodeURIComponent(tag)}`),
      ),
    setPushRule: (kind: 'override' | 'room', ruleId: string, rule: object) =>
      http.request<object>('PUT', pushRule(kind, ruleId), { body: rule }),
    /** One that is not there is no mistake. */
    deletePushRule: (kind: 'override' | 'room', ruleId: string) =>
      http.request<object>('DELETE', pushRule(kind, ruleId)).catch((error: unknown) => {
        if (!(error instanceof MatrixRequestError) || error.status !== 404) throw error
        return {}
      }),
    readLiveToken: () => http.request<LiveToken>('POST', '/_hearth/client/v1/live_token', { body: {} }),
  }
}
