/** Names of rooms that the admin is not in, by asking the server once for each. */
import { useEffect, useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { makeStore, useStore } from '../../../live/store.js'
import { readRoom } from '../admin-api.js'

/** Kept as long as the page lives: names change rarely, and another look at Live must not ask again. */
const names = makeStore<ReadonlyMap<string, string>>(new Map())

/** @param isAllowed the server tells admins alone */
export function useRoomNames(roomIds: readonly string[], isAllowed: boolean): ReadonlyMap<string, string> {
  const { http } = useServices().matrix
  const [asked] = useState(() => new Set<string>())
  const known = useStore(names)
  const wanted = isAllowed ? roomIds.filter((roomId) => !known.has(roomId) && !asked.has(roomId)).join(' ') : ''
  useEffect(() => {
    for (const roomId of wanted.split(' ').filter(Boolean)) {
      asked.add(roomId)
      readRoom(http, roomId).then(
        (room) =>
          names.update((all) =>
            new Map(all).set(
              roomId,
              room.name || room.canonical_alias || t('live.activity.unnamed', { count: room.joined_members }),
            ),
          ),
        () => asked.delete(roomId), // asked again when the room is busy again
      )
    }
  }, [wanted, http, asked])
  return known
}
