/** First question: who you are here. */
import { t } from '../../i18n/index.js'
import { TextField } from '../../ui/field.js'
import type { StepProps } from './answers.js'
import { Rehearsal } from './rehearsal.js'

export const NameStep = ({ answers, problems, onChange }: StepProps) => (
  <>
    <TextField
      label={t('setup.name.user')}
      hint={t('setup.name.hint')}
      value={answers.username}
      onChange={(event) => onChange({ username: event.target.value })}
      error={problems.username}
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      maxLength={120}
      autoFocus
    />
    <Rehearsal answers={answers} />
  </>
)
