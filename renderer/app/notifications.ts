/**
 * Notifications of the system: when something unread came in a room that is not being looked at.
 *
 * The room list says what is worth one: its counts are the server's, by the user's push rules. What
 * came while the connection was away is on the badge, not in a burst of notifications.
 */
import { useEffect } from 'react'
import type { RoomSummaryRow } from '../../server/api/live/rows.js'
import { t } from '../i18n/index.js'
import type { LiveData } from '../live/live-data.js'
import { platform } from '../platform/bridge.js'
import { localpartOf } from '../platform/matrix/login-session.js'
import { readPreferences } from './preferences.js'
import { currentRoute, roomPath } from './route.js'
import { useServices } from './services.js'

export function useNotifications(): void {
  const { live, session } = useServices()
  useEffect(() => watchForNews(live, session.userId), [live, session])
}

function watchForNews(live: LiveData, userId: string): () => void {
  let before = live.summaries.get().rooms
  return live.summaries.subscribe(() => {
    const now = live.summaries.get().rooms
    const isFresh = live.connection.state.get().kind === 'live' && before !== undefined
    for (const room of now?.values() ?? []) {
      const news = isFresh && describeNews(room, before?.get(room.room_id), userId)
      if (news && readPreferences().notifications && !isLookedAt(room.room_id))
        void platform
          .showNotification({ ...news, path: roomPath(room.room_id), tag: room.room_id })
          .catch(() => undefined)
    }
    before = now
  })
}

const isLookedAt = (roomId: string) => document.hasFocus() && currentRoute().parts[0] === roomId

/** What to say about a room that changed; undefined when nothing in it calls for the user. */
export function describeNews(
  room: RoomSummaryRow,
  before: RoomSummaryRow | undefined,
  userId: string,
): { title: string; body: string } | undefined {
  if (room.membership === 'invite' && before?.membership !== 'invite') {
    const name = room.inviter ? localpartOf(room.inviter) : ''
    return { title: room.name, body: name ? t('invites.fromHere', { name }) : '' }
  }
  const last = room.last_event
  const isNew = last !== undefined && last.event_id !== before?.last_event?.event_id && last.sender !== userId
  const grew =
    room.notification_count > (before?.notification_count ?? 0) || room.highlight_count > (before?.highlight_count ?? 0)
  if (!isNew || !grew) return undefined
  const text = last.preview || t(last.type === 'm.room.encrypted' ? 'rooms.encrypted' : 'rooms.unsupported')
  return {
    title: room.name,
    body: room.is_direct ? text : t('rooms.someone', { name: localpartOf(last.sender), text }),
  }
}
