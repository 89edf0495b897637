/**
 * Where each room was left: the topmost event and how far it was above the edge; absent = at the end. Kept for the
 * account, so that a window that is opened again is where it was.
 */
import { timeOf } from '../../../i18n/format.js'
import type { AccountStorage } from '../../../platform/account-storage.js'

export type Place = {
  seq: number
  /** Pixels of the event that were above the edge. */
  offset: number
  /** Newest seq of the room at that time. */
  newest: number
}

export type Places = {
  read(roomId: string): Place | undefined
  /** `undefined`: the room was left at its end. */
  write(roomId: string, place: Place | undefined): void
}

const entry = 'places'
const keptRooms = 100
const writeAfterMs = 400

const byAccount = new WeakMap<AccountStorage, Places>()

export function placesOf(storage: AccountStorage): Places {
  const known = byAccount.get(storage)
  if (known) return known
  const made = makePlaces(storage)
  byAccount.set(storage, made)
  return made
}

function makePlaces(storage: AccountStorage): Places {
  const places = new Map(parse(storage.read(entry)))
  let timer: ReturnType<typeof setTimeout> | undefined
  const save = () => {
    clearTimeout(timer)
    timer = undefined
    storage.write(entry, [...places].slice(-keptRooms))
  }
  if (typeof window !== 'undefined') window.addEventListener('pagehide', () => timer && save())
  return {
    read: (roomId) => places.get(roomId),
    write(roomId, place) {
      if (!place && !places.has(roomId)) return
      places.delete(roomId)
      if (place) places.set(roomId, place)
      timer ??= setTimeout(save, writeAfterMs)
    },
  }
}

/** What a person can have edited: only whole entries count. */
function parse(stored: unknown): [string, Place][] {
  if (!Array.isArray(stored)) return []
  return stored.flatMap((each: unknown): [string, Place][] => {
    const [roomId, place] = Array.isArray(each) ? each : []
    const { seq, offset, newest } = (place ?? {}) as Partial<Record<keyof Place, unknown>>
    if (typeof roomId !== 'string' || !Number.isSafeInteger(seq)) return []
    return [[roomId, { seq: seq as number, offset: timeOf(offset), newest: timeOf(newest) }]]
  })
}
