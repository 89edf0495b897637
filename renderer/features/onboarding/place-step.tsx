/** Third question: where everything is kept. The host decides it at start, so it is shown and said how to change it. */
import { t } from '../../i18n/index.js'
import { type Answers, cleanServerName, cleanUsername } from './answers.js'
import styles from './onboarding.module.css'

export function PlaceStep({ answers, dataDir }: { answers: Answers; dataDir: string }) {
  const id = `@${cleanUsername(answers.username)}:${cleanServerName(answers.serverName)}`
  return (
    <>
      <div className={styles.folder}>
        <span className={styles.quiet}>{t('setup.place.folder')}</span>
        <code>{dataDir}</code>
      </div>
      <p className={styles.quiet}>
        {t('setup.place.backup')} {t('setup.place.elsewhere')}
      </p>
      <p className={styles.summary}>
        {t('setup.place.summary', { id })}{' '}
        {t(answers.federation === 'local' ? 'setup.place.summaryLocal' : 'setup.place.summaryFederated')}
      </p>
    </>
  )
}
