/** One line above the room list, for who has encrypted rooms: that this device is to be verified, or keys to be kept. */
import '../../i18n/late.js'
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { openTrustDialog } from '../../encryption/trust-dialog.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import styles from './chat.module.css'

const entry = 'trust_later'
/** Who said "later" is asked again after a week. */
const patienceMs = 7 * 24 * 3_600_000

export default function TrustBanner() {
  const { encryption, live, storage } = useServices()
  const account = useStore(encryption.account)
  const hasSecrets = useStore(live.summaries, ({ rooms }) =>
    [...(rooms?.values() ?? [])].some((room) => room.encrypted && room.membership === 'join'),
  )
  const [until, setUntil] = useState(() => Number(storage.read(entry) ?? 0))
  const wants = account && (account.isVerified ? (account.hasRecovery ? undefined : 'recovery') : 'verify')
  if (!wants || !hasSecrets || until > Date.now()) return null
  const later = () => {
    storage.write(entry, Date.now() + patienceMs)
    setUntil(Date.now() + patienceMs)
  }
  return (
    <div className={styles.trust}>
      <Banner
        action={
          <div className={styles.trustButtons}>
            <Button variant="quiet" onClick={later}>
              {t('security.later')}
            </Button>
            <Button onClick={() => openTrustDialog({ kind: wants })}>
              {t(wants === 'verify' ? 'verify.device' : 'security.setUpBriefly')}
            </Button>
          </div>
        }
      >
        {t(`security.banner.${wants}`)}
      </Banner>
    </div>
  )
}
