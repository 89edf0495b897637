/** Starts a conversation with one person. */
import { useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { openDirectChat } from '../chat-actions.js'
import { isUserId } from '../matrix-links.js'
import { PersonSearch } from './person-search.js'
import { useAction } from './use-action.js'

export function DirectChatDialog({ onClose }: { onClose: () => void }) {
  const services = useServices()
  const [who, setWho] = useState('')
  const action = useAction(onClose)
  const start = (userId: string) => action.run(() => openDirectChat(services, userId))
  const submit = () => (isUserId(who.trim()) ? void start(who.trim()) : action.setProblem(t('invite.badId')))
  return (
    <Dialog
      title={t('direct.title')}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={action.isBusy || !isUserId(who.trim())}>
            {t('direct.submit')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <PersonSearch value={who} onChange={setWho} onPick={(userId) => void start(userId)} />
    </Dialog>
  )
}
