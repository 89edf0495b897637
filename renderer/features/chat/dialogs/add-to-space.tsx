/** Puts rooms that one is in into a space: a list to choose from, each there at once. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { SearchField } from '../../../ui/field.js'
import { attempt } from '../chat-actions.js'
import { listRooms } from '../room-order.js'
import { putIntoSpace, useSpaceRooms } from '../space-rooms.js'
import styles from './people.module.css'

/** As many as one looks through; the rest is found by name. */
const mostShown = 40

export function AddToSpaceDialog({ space, onClose }: { space: RoomSummaryRow; onClose: () => void }) {
  const { matrix, live, session } = useServices()
  const { rooms } = useStore(live.summaries)
  const [term, setTerm] = useState('')
  const [added, setAdded] = useState<ReadonlySet<string>>(new Set())
  const within = new Set(useSpaceRooms(space.room_id)?.rooms.map(({ room_id }) => room_id))
  const offered = listRooms(rooms ?? new Map(), 'rooms', term).filter(({ room_id }) => !within.has(room_id))
  const add = (roomId: string) =>
    attempt(async () => {
      await putIntoSpace(matrix, space.room_id, roomId, [serverNameOf(session.userId)])
      setAdded((all) => new Set(all).add(roomId))
    })
  return (
    <Dialog
      title={t('space.addTitle', { space: space.name })}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('common.done')}</Button>}
    >
      <SearchField label={t('rooms.search')} value={term} onChange={(event) => setTerm(event.target.value)} />
      {offered.length === 0 && <p className={styles.note}>{t('space.nothingToAdd')}</p>}
      <ul className={styles.list}>
        {offered.slice(0, mostShown).map((room) => (
          <li key={room.room_id}>
            <button
              type="button"
              className={styles.person}
              disabled={added.has(room.room_id)}
              onClick={() => void add(room.room_id)}
            >
              <Avatar id={room.room_id} name={room.name} mxc={room.avatar_url} size={32} kind="room" />
              <span className={styles.names}>
                <b>{room.name}</b>
                <span>
                  {added.has(room.room_id) ? t('space.added') : t('room.members', { count: room.joined_count })}
                </span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
