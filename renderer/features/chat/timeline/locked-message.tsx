/** An encrypted message that cannot be read: why, and what helps; and what to know of one that can. */
import { ShieldAlert } from 'lucide-react'
import { useServices } from '../../../app/services.js'
import type { Secret } from '../../../encryption/clear-rows.js'
import type { EncryptionStatus } from '../../../encryption/encryption.js'
import { helpFor } from '../../../encryption/status-help.js'
import type { Warning } from '../../../encryption/types.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { Tip } from '../../../ui/tip.js'
import styles from './message.module.css'

export function LockedMessage({ secret }: { secret: Secret | undefined }) {
  const status = useStore(useServices().encryption.status)
  if (secret?.kind !== 'locked') return <p className={styles.quiet}>{t('locked.trying')}</p>
  const help = explain(secret, status)
  return (
    <>
      <p className={styles.quiet}>{t(`locked.${secret.cause}`)}</p>
      {help && <p className={styles.help}>{help}</p>}
    </>
  )
}

const knownCodes = ['m.unverified', 'm.blacklisted', 'm.unauthorised', 'm.no_olm'] as const

function explain(secret: Secret & { kind: 'locked' }, status: EncryptionStatus): string | undefined {
  switch (secret.cause) {
    case 'withheld': {
      const known = knownCodes.find((code) => code === secret.code)
      return known ? t(`locked.withheld.${known}`) : t('locked.withheldHelp', { code: secret.code ?? '' })
    }
    case 'unavailable':
      return t(helpFor(status))
    case 'broken':
      return undefined
    default:
      return t(`locked.${secret.cause}Help`)
  }
}

/** Said only where there is something to say: an encrypted message that is as it should be carries no mark. */
export function SenderWarning({ warning }: { warning: Warning }) {
  const text = t(`warning.${warning}`)
  return (
    <Tip text={text} side="top">
      <ShieldAlert size={14} className={styles.warning} role="img" aria-label={text} />
    </Tip>
  )
}
