/** How this device and the keys of this person stand, and what makes them safe. */
import '../../i18n/late.js'
import { useServices } from '../../app/services.js'
import { helpFor } from '../../encryption/status-help.js'
import { openTrustDialog } from '../../encryption/trust-dialog.js'
import type { AccountState } from '../../encryption/types.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { Skeleton } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import styles from './settings.module.css'

export function EncryptionSection() {
  const { encryption } = useServices()
  const status = useStore(encryption.status)
  const account = useStore(encryption.account)
  return (
    <section aria-label={t('security.title')}>
      <h2>{t('security.title')}</h2>
      {status.kind === 'unavailable' && <p className={styles.note}>{t(helpFor(status))}</p>}
      {status.kind !== 'unavailable' && !account && (
        <div role="status" aria-label={t('security.starting')}>
          <Skeleton width="60%" />
        </div>
      )}
      {account && (account.isVerified ? <Verified account={account} /> : <Unverified />)}
      {account && (
        <div className={styles.buttons}>
          <Button onClick={() => openTrustDialog({ kind: 'exportKeys' })}>{t('keyFile.export')}</Button>
          <Button onClick={() => openTrustDialog({ kind: 'importKeys' })}>{t('keyFile.import')}</Button>
        </div>
      )}
    </section>
  )
}

function Unverified() {
  return (
    <>
      <p className={styles.note}>{t('security.unverified')}</p>
      <div>
        <Button variant="primary" onClick={() => openTrustDialog({ kind: 'verify' })}>
          {t('security.verify')}
        </Button>
      </div>
    </>
  )
}

function Verified({ account: { hasRecovery, hasPrivateKeys, backup } }: { account: AccountState }) {
  return (
    <>
      <p className={styles.note}>{t('security.verified')}</p>
      <p className={styles.note}>
        {backup.isOn ? t('security.backup', { count: backup.total, done: backup.backedUp }) : t('security.backupOff')}
      </p>
      <p className={styles.note}>{t(hasRecovery ? 'security.recovery' : 'security.noRecovery')}</p>
      {hasPrivateKeys && (
        <div>
          <Button variant={hasRecovery ? 'secondary' : 'primary'} onClick={() => openTrustDialog({ kind: 'recovery' })}>
            {t(hasRecovery ? 'security.setUpAgain' : 'security.setUp')}
          </Button>
        </div>
      )}
    </>
  )
}
