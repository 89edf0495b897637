/** Fourth question: people here only, or other Matrix servers too; with what that takes. */
import { t } from '../../i18n/index.js'
import { Banner } from '../../ui/bits.js'
import { type Answers, canBeFound, cleanServerName } from './answers.js'
import styles from './onboarding.module.css'

type ReachStepProps = { answers: Answers; onChange: (changes: Partial<Answers>) => void }

export function ReachStep({ answers, onChange }: ReachStepProps) {
  const server = cleanServerName(answers.serverName)
  return (
    <>
      <fieldset className={styles.choices}>
        <legend className="visually-hidden">{t('setup.reach.title')}</legend>
        {(['local', 'federated'] as const).map((choice) => (
          <label key={choice} className={styles.choice}>
            <input
              type="radio"
              name="federation"
              value={choice}
              checked={answers.federation === choice}
              onChange={() => onChange({ federation: choice })}
            />
            <span>
              <strong>{t(`setup.reach.${choice}`)}</strong>
              <span>{t(`setup.reach.${choice}Text`, { server })}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {answers.federation === 'federated' && !canBeFound(server) && (
        <Banner tone="warn">{t('setup.reach.notADomain', { server })}</Banner>
      )}
    </>
  )
}
