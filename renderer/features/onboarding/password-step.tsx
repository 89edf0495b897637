/** Third question: the password of whoever runs the server. */
import { t } from '../../i18n/index.js'
import { NewPasswordField } from '../../ui/password-field.js'
import { cleanServerName, cleanUsername, type StepProps } from './answers.js'

export const PasswordStep = ({ answers, problems, onChange }: StepProps) => (
  <NewPasswordField
    label={t('register.password')}
    value={answers.password}
    onValue={(password) => onChange({ password })}
    own={[cleanUsername(answers.username), cleanServerName(answers.serverName)]}
    error={problems.password}
    autoFocus
  />
)
