/** Invites people into a room. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { showToast } from '../../../ui/toast.js'
import { isUserId } from '../matrix-links.js'
import { PersonSearch } from './person-search.js'
import { useAction } from './use-action.js'

export function InviteDialog({ room, onClose }: { room: RoomSummaryRow; onClose: () => void }) {
  const { matrix } = useServices()
  const [who, setWho] = useState('')
  const action = useAction(onClose)
  const invite = (userId: string) =>
    action.run(async () => {
      await matrix.inviteUser(room.room_id, userId)
      showToast(t('invite.done', { name: userId }))
    })
  const submit = () => (isUserId(who.trim()) ? void invite(who.trim()) : action.setProblem(t('invite.badId')))
  return (
    <Dialog
      title={t('invite.title', { room: room.name })}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={action.isBusy || !isUserId(who.trim())}>
            {t('invite.submit')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <PersonSearch value={who} onChange={setWho} onPick={(userId) => void invite(userId)} />
    </Dialog>
  )
}
