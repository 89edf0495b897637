/** First question: the account, and with it the server's name, shown as others will see both. */
import { t } from '../../i18n/index.js'
import { TextField } from '../../ui/field.js'
import { NewPasswordField } from '../../ui/password-field.js'
import { type Answers, cleanServerName, cleanUsername, type Problems } from './answers.js'
import styles from './onboarding.module.css'

type WhoStepProps = {
  answers: Answers
  problems: Problems
  /** Named by the configuration: not asked for. */
  fixedServer: string | undefined
  onChange: (changes: Partial<Answers>) => void
}

export function WhoStep({ answers, problems, fixedServer, onChange }: WhoStepProps) {
  const you = cleanUsername(answers.username)
  const server = cleanServerName(answers.serverName)
  return (
    <>
      <TextField
        label={t('setup.who.user')}
        value={answers.username}
        onChange={(event) => onChange({ username: event.target.value })}
        error={problems.username}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={120}
        autoFocus
      />
      {fixedServer === undefined ? (
        <div className={styles.server}>
          <p className={styles.permanent}>{t('setup.who.permanent')}</p>
          <TextField
            label={t('setup.who.server')}
            hint={t('setup.who.serverHint')}
            value={answers.serverName}
            onChange={(event) => onChange({ serverName: event.target.value })}
            error={problems.serverName}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={230}
            placeholder="home.local"
          />
        </div>
      ) : (
        <p className={styles.quiet}>{t('setup.who.serverFixed', { server: fixedServer })}</p>
      )}
      <div className={styles.rehearsal}>
        <p className={styles.quiet}>{t('setup.who.rehearsal')}</p>
        <output className={styles.id}>
          <span>@</span>
          <b data-empty={!you || undefined}>{you || t('setup.who.you')}</b>
          <span>:</span>
          <b data-empty={!server || undefined}>{server || t('setup.who.name')}</b>
        </output>
      </div>
      <NewPasswordField
        label={t('register.password')}
        value={answers.password}
        onValue={(password) => onChange({ password })}
        own={[you, server]}
        error={problems.password}
      />
    </>
  )
}
