/** Asks before a message is deleted for everyone. */
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { newTxnId } from '../../../platform/matrix/events.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { useAction } from './use-action.js'

type RedactProps = { roomId: string; eventId: string; onClose: () => void }

export function RedactDialog({ roomId, eventId, onClose }: RedactProps) {
  const { matrix } = useServices()
  const action = useAction(onClose)
  return (
    <Dialog
      title={t('message.removeTitle')}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            variant="danger"
            disabled={action.isBusy}
            onClick={() => action.run(() => matrix.redactEvent(roomId, eventId, newTxnId()))}
          >
            {t('message.remove')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <p>{t('message.removeText')}</p>
    </Dialog>
  )
}
