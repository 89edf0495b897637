/** Keys that work everywhere. Dialogs keep their own keys to themselves; text fields keep what types. */
import { useEffect } from 'react'
import { orderedRoomIds } from '../features/chat/room-order.js'
import type { LiveData } from '../live/live-data.js'
import { currentRoute, navigate, roomPath } from './route.js'
import { useServices } from './services.js'

export type Dialogs = 'jump' | 'keys' | undefined

export function useGlobalKeys(open: (dialog: Dialogs) => void): void {
  const { live } = useServices()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || document.querySelector('dialog[open]')) return
      const action = actionOf(event)
      if (!action) return
      event.preventDefault()
      if (action === 'jump' || action === 'keys') open(action)
      else if (action === 'live') navigate('/home/live')
      else step(live, action.by, action.isUnreadOnly)
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [live, open])
}

type Action = 'jump' | 'keys' | 'live' | { by: 1 | -1; isUnreadOnly: boolean } | undefined

function actionOf(event: KeyboardEvent): Action {
  const isCommand = event.ctrlKey || event.metaKey
  const key = event.key.toLowerCase()
  if (isCommand && key === 'k') return 'jump'
  if (isCommand && event.shiftKey && key === 'l') return 'live'
  if (event.altKey && !isCommand && key === 'arrowdown') return { by: 1, isUnreadOnly: event.shiftKey }
  if (event.altKey && !isCommand && key === 'arrowup') return { by: -1, isUnreadOnly: event.shiftKey }
  if (event.key === '?' && !isTyping(event.target)) return 'keys'
  return undefined
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

function step(live: LiveData, by: 1 | -1, isUnreadOnly: boolean): void {
  const rooms = live.summaries.get().rooms
  if (!rooms) return
  const present = currentRoute().parts[0]
  const ids = orderedRoomIds(rooms).filter((roomId) => {
    const room = rooms.get(roomId)
    return !isUnreadOnly || roomId === present || (room && room.notification_count > 0)
  })
  const at = present ? ids.indexOf(present) : -1
  const next = ids[at < 0 ? (by > 0 ? 0 : ids.length - 1) : at + by]
  if (next) navigate(roomPath(next))
}
