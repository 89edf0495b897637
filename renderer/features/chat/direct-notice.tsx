/** Above the composer of a conversation of two: that the other is not there to read, yet or any more. */
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { Button } from '../../ui/button.js'
import { attempt } from './chat-actions.js'
import type { Names } from './names.js'
import styles from './room-view.module.css'

/** @returns undefined where they are there, or where it is no conversation of two */
export function absenceOf(room: RoomSummaryRow): 'invited' | 'gone' | undefined {
  if (!room.is_direct || room.heroes.length !== 1 || room.membership !== 'join' || room.joined_count > 1)
    return undefined
  return room.invited_count > 0 ? 'invited' : 'gone'
}

export function DirectNotice({ room, names }: { room: RoomSummaryRow; names: Names }) {
  const { matrix } = useServices()
  const absence = absenceOf(room)
  const [other] = room.heroes
  if (!absence || !other) return null
  return (
    <div className={styles.notice} role="status">
      <span>{t(absence === 'invited' ? 'direct.notYet' : 'direct.gone', { name: names.nameOf(other) })}</span>
      {absence === 'gone' && room.can.invite && (
        <Button onClick={() => void attempt(() => matrix.inviteUser(room.room_id, other))}>{t('direct.again')}</Button>
      )}
    </div>
  )
}
