/**
 * Where the timeline is entered: at the event of a link, at the first unread message, where the room was left, or at
 * its end; and the way to an event while it is open. What has to be read for that is read first.
 *
 * Unread messages come before the place that was left, except where nothing has come since: who reads back in a
 * busy room and looks into another comes back to their place.
 */
import { useCallback, useEffect, useRef, useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useRoute } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import type { Store } from '../../../live/store.js'
import { isLoaded } from '../../../live/timeline-merge.js'
import type { TimelineState } from '../../../live/timeline-state.js'
import { showToast } from '../../../ui/toast.js'
import { type Place, placesOf } from './places.js'

export type Arrival =
  | { kind: 'end' }
  | { kind: 'event'; eventId: string; seq: number }
  | { kind: 'place'; place: Place }
  | { kind: 'unread' }

export const hasUnread = (room: RoomSummaryRow) => room.notification_count > 0 || room.highlight_count > 0

/** @returns undefined until the first place is loaded; another object for each arrival */
export function useArrival(room: RoomSummaryRow, data: RoomData, eventId: string | undefined) {
  const { storage } = useServices()
  const route = useRoute() // the same link pressed again is another route
  const [arrival, setArrival] = useState<Arrival>()
  const first = useRef(room)
  const isEntered = useRef(false)

  // biome-ignore lint/correctness/useExhaustiveDependencies: the route counts by its identity
  useEffect(() => {
    const leave = new AbortController()
    const enter = async (): Promise<Arrival | undefined> => {
      await untilLoaded(data.timeline.store, leave.signal)
      const linked = eventId === undefined ? undefined : await arriveAtEvent(data, eventId)
      if (linked || isEntered.current) return linked
      return arriveAnew(first.current, data, placesOf(storage).read(room.room_id))
    }
    void enter()
      .catch((): Arrival => ({ kind: 'end' })) // the channel was lost: what is loaded is shown
      .then((where) => {
        if (leave.signal.aborted || !where) return
        isEntered.current = true
        setArrival(where)
      })
    return () => leave.abort()
  }, [data, eventId, route, storage, room.room_id])

  return {
    arrival,
    goToEvent: useCallback(
      (wanted: string) => void arriveAtEvent(data, wanted).then((where) => where && setArrival(where)),
      [data],
    ),
    goToUnread: useCallback(
      (afterSeq: number) =>
        void data.timeline.showAround(afterSeq).then(
          () => setArrival({ kind: 'unread' }),
          () => undefined,
        ),
      [data],
    ),
  }
}

async function arriveAtEvent({ timeline }: RoomData, eventId: string): Promise<Arrival | undefined> {
  const seq = await timeline.showEvent(eventId).catch(() => undefined)
  if (seq !== undefined) return { kind: 'event', eventId, seq }
  showToast(t('timeline.noEvent'), 'bad')
  return undefined
}

async function arriveAnew(room: RoomSummaryRow, { timeline }: RoomData, place: Place | undefined): Promise<Arrival> {
  const isUnread = hasUnread(room) && room.read_seq > 0
  if (place && (!isUnread || place.newest === room.max_seq)) {
    await timeline.showAround(place.seq)
    return { kind: 'place', place }
  }
  if (!isUnread) return { kind: 'end' }
  await timeline.showAround(room.read_seq)
  return { kind: 'unread' }
}

function untilLoaded(store: Store<TimelineState>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isLoaded(store.get().timeline) && !signal.aborted) return
      stop()
      resolve()
    }
    const stop = store.subscribe(look)
    signal.addEventListener('abort', look)
    look()
  })
}
