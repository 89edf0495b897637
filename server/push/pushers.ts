/**
 * Pushers: where a user wants notifications of one app on one device sent.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#push-notifications
 */
import type { Clock } from '../kernel/clock.js'
import { invalidParam, missingParam } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import { readLoginSession } from '../store/login-session-store.js'
import { deletePusher, deletePusherOfOthers, type PusherRow, readPushers, setPusher } from '../store/pusher-store.js'
import type { Database } from '../store/reader.js'
import type { LoginSessions } from '../users/login-sessions.js'
import type { Requester } from '../users/requester.js'

/** As the client gave it. */
export type Pusher = {
  app_id: string
  pushkey: string
  kind: string
  app_display_name?: string
  device_display_name?: string
  profile_tag?: string
  lang?: string
  data?: Record<string, unknown>
}

export type Pushers = {
  listPushers(userId: UserId): Promise<Pusher[]>
  /**
   * @param append keeps the same app's pusher of other users with the same key
   * @throws MatrixError 400 `M_MISSING_PARAM`, `M_INVALID_PARAM`
   */
  setPusher(requester: Pick<Requester, 'userId' | 'sid'>, pusher: Pusher, append: boolean): Promise<void>
  deletePusher(userId: UserId, appId: string, pushkey: string): Promise<void>
}

type Needs = {
  db: Database
  clock: Pick<Clock, 'now'>
  inTurn: LoginSessions['inTurn']
  /** A pusher is there from now on, or is another than before. */
  onPusherSet(userId: UserId, row: PusherRow): void
  /** Whether gateways may be asked without TLS. */
  allowHttp: boolean
}

export function makePushers({ db, clock, inTurn, onPusherSet, allowHttp }: Needs): Pushers {
  return {
    listPushers: async (userId) => (await readPushers(db, userId)).map(({ pusher }) => JSON.parse(pusher) as Pusher),
    async setPusher({ userId, sid }, pusher, append) {
      checkPusher(pusher, allowHttp)
      const { app_id, pushkey } = pusher
      const others = append ? [] : [deletePusherOfOthers(userId, app_id, pushkey)]
      await inTurn(userId, async () => {
        // One of a session that ended meanwhile would be sent to for ever.
        if (!(await readLoginSession(db, sid))?.active) return
        const times = { set_at: clock.now(), since: db.position }
        const row: PusherRow = { app_id, pushkey, sid, pusher: JSON.stringify(pusher), ...times }
        await db.commit(() => ({ writes: [setPusher(userId, row), ...others], changes: [], result: undefined }))
        onPusherSet(userId, row)
      })
    },
    async deletePusher(userId, appId, pushkey) {
      await db.commit(() => ({ writes: [deletePusher(userId, appId, pushkey)], changes: [], result: undefined }))
    },
  }
}

function checkPusher(pusher: Pusher, allowHttp: boolean): void {
  for (const name of ['app_display_name', 'device_display_name', 'lang', 'data'] as const)
    if (pusher[name] === undefined) throw missingParam(`The pusher has no ${name}.`)
  if (pusher.kind !== 'http') throw invalidParam('Pushers of that kind are not offered.')
  const url = pusher.data?.url
  if (typeof url !== 'string' || !URL.canParse(url)) throw missingParam('The pusher has no data.url.')
  const { protocol, pathname } = new URL(url)
  const isGood = protocol === 'https:' || (allowHttp && protocol === 'http:')
  if (!isGood || pathname !== '/_matrix/push/v1/notify')
    throw invalidParam('data.url must be https and end in /_matrix/push/v1/notify.')
}
