/** How others will see whoever answers, while they answer. */
import { t } from '../../i18n/index.js'
import { type Answers, cleanServerName, cleanUsername } from './answers.js'
import styles from './onboarding.module.css'

export function Rehearsal({ answers }: { answers: Answers }) {
  const you = cleanUsername(answers.username)
  const server = cleanServerName(answers.serverName)
  return (
    <div className={styles.rehearsal}>
      <p className={styles.quiet}>{t('setup.rehearsal')}</p>
      <output className={styles.id}>
        <span>@</span>
        <b data-empty={!you || undefined}>{you || t('setup.rehearsal.you')}</b>
        <span>:</span>
        <b data-empty={!server || undefined}>{server || t('setup.rehearsal.server')}</b>
      </output>
    </div>
  )
}
