/** Asks before leaving, and says what that means for this room. */
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { navigate } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { useAction } from './use-action.js'

/** What leaving means for this room. */
export const leaveText = (room: RoomSummaryRow) =>
  room.join_rule === 'public'
    ? 'room.leaveText'
    : room.joined_count <= 1
      ? 'room.leaveLastText'
      : 'room.leavePrivateText'

export function LeaveDialog({ room, onClose }: { room: RoomSummaryRow; onClose: () => void }) {
  const { matrix, lastRoom } = useServices()
  const action = useAction(onClose)
  const leave = () =>
    action.run(async () => {
      await matrix.leaveRoom(room.room_id)
      lastRoom.set(undefined)
      navigate('/', 'replace')
    })
  return (
    <Dialog
      title={t('room.leaveTitle', { room: room.name })}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button variant="danger" disabled={action.isBusy} onClick={leave}>
            {t('room.leave')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <p>{t(leaveText(room))}</p>
    </Dialog>
  )
}
