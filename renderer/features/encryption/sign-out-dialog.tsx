/** Before the keys of this device are forgotten: that they are nowhere else, and what can be done about it. */
import { useServices } from '../../app/services.js'
import { openTrustDialog } from '../../encryption/trust-dialog.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'

export function SignOutDialog({ onClose }: { onClose: () => void }) {
  const { encryption, signOut } = useServices()
  const account = useStore(encryption.account)
  const canSetUp = account?.hasPrivateKeys === true && !account.hasRecovery
  return (
    <Dialog
      title={t('signOut.title')}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button
            variant="danger"
            onClick={() => {
              onClose()
              void signOut()
            }}
          >
            {t('signOut.anyway')}
          </Button>
          {canSetUp && (
            <Button variant="primary" onClick={() => openTrustDialog({ kind: 'recovery' })}>
              {t('security.setUp')}
            </Button>
          )}
        </>
      }
    >
      <Banner tone="warn">{t(canSetUp ? 'signOut.noRecovery' : 'signOut.notBackedUp')}</Banner>
    </Dialog>
  )
}
