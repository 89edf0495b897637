/** One event that was asked for by itself, in clear where it came encrypted and can be read. */
import { useEffect, useSyncExternalStore } from 'react'
import { useServices } from '../../../app/services.js'
import type { ClientEvent } from '../../../platform/matrix/events.js'

type Clear = { sender: string; type: string; content: Record<string, unknown> }

export function useClearEvent(roomId: string, event: ClientEvent | undefined): Clear | undefined {
  const { events } = useServices().encryption
  const isSealed = event?.type === 'm.room.encrypted'
  useEffect(() => {
    if (event && isSealed) events.want(roomId, [event])
  }, [events, roomId, event, isSealed])
  const opened = useSyncExternalStore(events.subscribe, () => (isSealed ? events.get(event.event_id) : undefined))
  if (!event || opened?.kind !== 'clear') return event
  return { sender: event.sender, type: opened.type, content: opened.content }
}
