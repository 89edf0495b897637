/** Second question: what the server is called, for good. Not asked where the configuration names it. */
import { t } from '../../i18n/index.js'
import { TextField } from '../../ui/field.js'
import type { StepProps } from './answers.js'
import styles from './onboarding.module.css'
import { Rehearsal } from './rehearsal.js'

export const ServerStep = ({ answers, problems, onChange }: StepProps) => (
  <>
    <p className={styles.permanent}>{t('setup.server.permanent')}</p>
    <TextField
      label={t('setup.server.name')}
      hint={t('setup.server.hint')}
      value={answers.serverName}
      onChange={(event) => onChange({ serverName: event.target.value })}
      error={problems.serverName}
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      maxLength={230}
      placeholder="home.local"
      autoFocus
    />
    <Rehearsal answers={answers} />
  </>
)
