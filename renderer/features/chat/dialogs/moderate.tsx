/** Removing someone from a room or banning them, with a reason that others see. */
import { useState } from 'react'
import type { RoomMemberRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextField } from '../../../ui/field.js'
import { useAction } from './use-action.js'

type ModerateProps = { action: 'kick' | 'ban'; member: RoomMemberRow; name: string; onClose: () => void }

export function ModerateDialog({ action: kind, member, name, onClose }: ModerateProps) {
  const { matrix } = useServices()
  const [reason, setReason] = useState('')
  const action = useAction(onClose)
  const submit = () =>
    void action.run(() =>
      (kind === 'kick' ? matrix.kickUser : matrix.banUser)(member.room_id, member.user_id, reason.trim() || undefined),
    )
  return (
    <Dialog
      title={t(`member.${kind}Title`, { name })}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" disabled={action.isBusy}>
            {t(`member.${kind}`)}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <p>{t(`member.${kind}Text`)}</p>
      <TextField label={t('member.reason')} value={reason} onChange={(event) => setReason(event.target.value)} />
    </Dialog>
  )
}
