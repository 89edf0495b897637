/** A field for a new password: shown on demand, with a hint how hard it is to guess. */
import { Eye, EyeOff } from 'lucide-react'
import { useState } from 'react'
import { t } from '../i18n/index.js'
import { IconButton } from './button.js'
import { TextField } from './field.js'
import styles from './password-field.module.css'
import { type Strength, strengthOf } from './password-strength.js'

type PasswordFieldProps = {
  label: string
  value: string
  onValue: (value: string) => void
  /** Words that make it easy to guess: own name, name of the server. */
  own?: readonly string[]
  error?: string | undefined
  autoFocus?: boolean
}

const steps: readonly Strength[] = ['weak', 'fair', 'good']

export function NewPasswordField({ label, value, onValue, own, error, autoFocus }: PasswordFieldProps) {
  const [isShown, setIsShown] = useState(false)
  const strength = strengthOf(value, own)
  const hint = value === '' ? t('register.passwordHint') : t(`password.${strength}`)
  return (
    <div className={styles.password}>
      <div className={styles.input}>
        <TextField
          label={label}
          type={isShown ? 'text' : 'password'}
          value={value}
          onChange={(event) => onValue(event.target.value)}
          autoComplete="new-password"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus={autoFocus}
          hint={hint}
          error={error}
        />
        <span className={styles.eye}>
          <IconButton label={t(isShown ? 'password.hide' : 'password.show')} onClick={() => setIsShown(!isShown)}>
            {isShown ? <EyeOff size={18} aria-hidden /> : <Eye size={18} aria-hidden />}
          </IconButton>
        </span>
      </div>
      {value !== '' && (
        <span className={styles.steps} data-strength={strength} aria-hidden>
          {steps.map((step, index) => (
            <i key={step} data-on={steps.indexOf(strength) >= index || undefined} />
          ))}
        </span>
      )}
    </div>
  )
}
