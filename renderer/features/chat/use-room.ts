/** The open room: its live data, its summary, and what the user may do there. */
import { useEffect, useMemo } from 'react'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { useServices } from '../../app/services.js'
import type { RoomData } from '../../live/live-data.js'
import { useStore } from '../../live/store.js'

/** Opens a room for as long as the component shows it. */
export function useRoomData(roomId: string): RoomData {
  const { live } = useServices()
  const room = useMemo(() => live.openRoom(roomId)!, [live, roomId])
  useEffect(() => {
    live.openRoom(roomId) // again after StrictMode or a page without rooms closed it
  }, [live, roomId])
  return room
}

export const useSummary = (roomId: string | undefined): RoomSummaryRow | undefined =>
  useStore(useServices().live.summaries, ({ rooms }) => (roomId ? rooms?.get(roomId) : undefined))
