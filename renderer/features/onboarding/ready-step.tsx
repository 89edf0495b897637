/** Before it begins: what was chosen, who reaches it at first, and where everything is kept. */
import { t } from '../../i18n/index.js'
import { platform } from '../../platform/bridge.js'
import { type Answers, cleanServerName, cleanUsername } from './answers.js'
import styles from './onboarding.module.css'

export function ReadyStep({ answers, dataDir }: { answers: Answers; dataDir: string }) {
  const id = `@${cleanUsername(answers.username)}:${cleanServerName(answers.serverName)}`
  return (
    <>
      <p className={styles.summary}>
        {t('setup.ready.you', { id })}{' '}
        {t(answers.federation === 'local' ? 'setup.ready.local' : 'setup.ready.federated')}
      </p>
      <div className={styles.folder}>
        <span className={styles.quiet}>{t('setup.ready.folder')}</span>
        <code>{dataDir}</code>
      </div>
      <p className={styles.quiet}>
        {t('setup.ready.backup')} {platform.kind === 'browser' && t('setup.ready.elsewhere')}
      </p>
    </>
  )
}
