/**
 * The inbox of this device over its own live tables: the rows are read from the place that was come to, handed on,
 * and acknowledged once they have been taken.
 *
 * Notifications only ring, and only messages do: a live query on each table would cost every sign-in more than it is
 * worth. Counts and device lists are read with them, once a minute, and before something is encrypted (`look`).
 * Each reading is a range. The place is kept beside the machine's own store, not in it: what is
 * handed on twice after a crash, the machine knows by itself.
 */
import type { DeviceKeyCountsRow, DeviceListChangesRow, ToDeviceRow } from '../../server/api/live/rows.js'
import type { Inbox, InboxBatch } from '../encryption/inbox.js'
import type { AccountStorage } from '../platform/account-storage.js'
import { MatrixRequestError } from '../platform/matrix/errors.js'
import type { MatrixHttp } from '../platform/matrix/http.js'
import type { LiveConnection } from './connection.js'

type InboxNeeds = {
  connection: LiveConnection
  http: MatrixHttp
  storage: AccountStorage
  userId: string
  deviceId: string
}

type Place = { toDevice: number; lists: number | undefined; counts: number }

const placeName = 'inbox'
const firstWaitMs = 1_000
const longestWaitMs = 30_000
const lookEveryMs = 60_000

const statements = [
  'SELECT * FROM to_device:[$user_id, $device_id, $handled]>..[$user_id, $device_id, ..]',
  'SELECT * FROM device_list_changes:[$user_id, NONE]..[$user_id, ..]',
  'SELECT * FROM device_key_counts:[$user_id, $device_id]',
].join('; ')

export function makeDeviceInbox({ connection, http, storage, userId, deviceId }: InboxNeeds): Inbox {
  const bindings = { user_id: userId, device_id: deviceId }

  function readPlace(): Place {
    const kept = storage.read(placeName) as (Place & { deviceId: string }) | undefined
    return kept?.deviceId === deviceId ? kept : { toDevice: 0, lists: undefined, counts: -1 }
  }
  const writePlace = (place: Place) => storage.write(placeName, { ...place, deviceId })

  async function acknowledge(upTo: number): Promise<void> {
    if (upTo === 0) return
    try {
      await http.request('POST', '/_hearth/client/v1/to_device/acknowledge', { body: { up_to: upTo } })
    } catch (error) {
      // The server's data was put back to an older copy: it counts from there.
      if (error instanceof MatrixRequestError && error.errcode === 'M_UNKNOWN_POS')
        writePlace({ ...readPlace(), toDevice: 0 })
      throw error
    }
  }

  /** @returns whether there may be more */
  async function takeOnce(take: (batch: InboxBatch) => Promise<void>): Promise<boolean> {
    const place = readPlace()
    const [messages, lists, [counts]] = (await connection.query(statements, {
      ...bindings,
      handled: place.toDevice,
    })) as [ToDeviceRow[], DeviceListChangesRow[], DeviceKeyCountsRow[]]
    const news = newsOf(lists, place.lists)
    const freshCounts = counts && counts.position > place.counts ? counts : undefined
    if (messages.length === 0 && !news.isNew && !freshCounts) return false
    await take({
      events: `[${messages.map(eventText).join(',')}]`,
      keyCounts: freshCounts && {
        oneTime: freshCounts.one_time_key_counts,
        unusedFallback: freshCounts.unused_fallback_key_types,
      },
      changed: news.changed,
      left: news.left,
      isAllChanged: news.isAllChanged,
    })
    const upTo = messages.at(-1)?.position
    writePlace({
      toDevice: upTo ?? place.toDevice,
      lists: news.position ?? place.lists,
      counts: freshCounts?.position ?? place.counts,
    })
    if (upTo !== undefined) await acknowledge(upTo)
    return upTo !== undefined
  }

  let look: () => Promise<void> = async () => undefined
  return {
    look: () => look(),
    start(take) {
      let isStopped = false
      let working: Promise<void> | undefined
      let isRung = false
      let timer: ReturnType<typeof setTimeout> | undefined
      let waitMs = firstWaitMs
      let isGreeted = false

      function work(): Promise<void> {
        clearTimeout(timer)
        isRung = true
        working ??= takeAll().finally(() => {
          working = undefined
        })
        return working
      }

      async function takeAll(): Promise<void> {
        try {
          if (!isGreeted) await acknowledge(readPlace().toDevice)
          isGreeted = true
          while (isRung && !isStopped) {
            isRung = false
            if (await takeOnce(take)) isRung = true
          }
          waitMs = firstWaitMs
        } catch (error) {
          if (isStopped) return
          timer = setTimeout(() => void work(), waitMs)
          waitMs = Math.min(2 * waitMs, longestWaitMs)
          if (connection.state.get().kind === 'live') console.warn('messages to this device wait', String(error))
        }
      }

      const ring = () => void work()
      const stopWatch = connection.watch<object>({
        live: 'LIVE SELECT position FROM to_device',
        onSnapshot: ring,
        onChange: ring,
      })
      const stopLooking = setInterval(ring, lookEveryMs)
      look = work
      connection.start()
      return () => {
        isStopped = true
        clearTimeout(timer)
        clearInterval(stopLooking)
        stopWatch()
        connection.stop()
      }
    },
  }
}

const eventText = ({ sender, type, content }: ToDeviceRow) =>
  `{"sender":${JSON.stringify(sender)},"type":${JSON.stringify(type)},"content":${content}}`

/** What the journal tells after a position; everything, where it does not reach back so far. */
function newsOf(rows: readonly DeviceListChangesRow[], position: number | undefined) {
  const [first, last] = [rows[0], rows.at(-1)]
  const none = { changed: [], left: [], isAllChanged: false, isNew: false, position }
  if (!first || !last) return none
  if (position === undefined || position < first.since || position > last.position)
    return { ...none, isAllChanged: true, isNew: true, position: last.position }
  const fresh = rows.filter((row) => row.position > position)
  if (fresh.length === 0) return none
  const changed = new Set<string>()
  const left = new Set<string>()
  for (const row of fresh) {
    for (const userId of row.left) {
      left.add(userId)
      changed.delete(userId)
    }
    for (const userId of row.changed) {
      changed.add(userId)
      left.delete(userId)
    }
  }
  return { changed: [...changed], left: [...left], isAllChanged: false, isNew: true, position: last.position }
}
