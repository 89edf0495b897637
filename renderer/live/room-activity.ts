/** Rooms by how much happens in them: events per second over the last ten seconds. */
import { makeStore, type Store } from './store.js'

export type RoomPace = { roomId: string; perSecond: number }
export type RoomActivity = {
  /** Busiest first; rooms where nothing happened are absent. */
  store: Store<readonly RoomPace[]>
  /** One second's counts: [room ID, events]. To be called every second, also with none. */
  add(second: readonly (readonly [string, number])[]): void
}

const seconds = 10
const shown = 50

export function makeRoomActivity(): RoomActivity {
  const store = makeStore<readonly RoomPace[]>([])
  let window: (readonly (readonly [string, number])[])[] = []
  return {
    store,
    add(second) {
      window = [...window.slice(1 - seconds), second]
      if (second.length === 0 && store.get().length === 0) return
      store.set(paceOf(window))
    },
  }
}

export function paceOf(window: readonly (readonly (readonly [string, number])[])[]): RoomPace[] {
  const sums = new Map<string, number>()
  for (const second of window) for (const [roomId, events] of second) sums.set(roomId, (sums.get(roomId) ?? 0) + events)
  return [...sums]
    .filter(([, events]) => events > 0)
    .map(([roomId, events]) => ({ roomId, perSecond: events / seconds }))
    .sort((a, b) => b.perSecond - a.perSecond || (a.roomId < b.roomId ? -1 : 1))
    .slice(0, shown)
}
