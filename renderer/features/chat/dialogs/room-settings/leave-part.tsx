/** The facts of a room that last, and the way out of it. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { navigate } from '../../../../app/route.js'
import { useServices } from '../../../../app/services.js'
import { t } from '../../../../i18n/index.js'
import { Banner } from '../../../../ui/bits.js'
import { Button } from '../../../../ui/button.js'
import { Switch } from '../../../../ui/field.js'
import { leaveText } from '../leave.js'
import styles from './room-settings.module.css'
import { useSaving } from './use-saving.js'

export function LeavePart({ room, onClose }: { room: RoomSummaryRow; onClose: () => void }) {
  const { matrix, lastRoom } = useServices()
  const saving = useSaving()
  const [forgets, setForgets] = useState(false)
  const leave = () =>
    void saving.save(async () => {
      if (room.membership === 'join') await matrix.leaveRoom(room.room_id)
      if (forgets) await matrix.forgetRoom(room.room_id)
      lastRoom.set(undefined)
      onClose()
      navigate('/', 'replace')
    })
  return (
    <div className={styles.form}>
      {saving.problem && <Banner tone="bad">{saving.problem}</Banner>}
      <p>{t(leaveText(room))}</p>
      <Switch
        label={t('roomSettings.forget')}
        hint={t('roomSettings.forgetHint')}
        checked={forgets}
        onChange={(event) => setForgets(event.target.checked)}
      />
      <Button variant="danger" disabled={saving.isBusy} onClick={leave}>
        {t('room.leave')}
      </Button>
    </div>
  )
}
