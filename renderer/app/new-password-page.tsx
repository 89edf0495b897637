/** Asks whoever came in with a password that was handed out for one of their own. */
import { type FormEvent, useState } from 'react'
import { t } from '../i18n/index.js'
import { explainError, MatrixRequestError } from '../platform/matrix/errors.js'
import { localpartOf } from '../platform/matrix/login-session.js'
import { changeMyPassword } from '../platform/matrix/own-account.js'
import { Banner } from '../ui/bits.js'
import { Button } from '../ui/button.js'
import { TextField } from '../ui/field.js'
import { NewPasswordField } from '../ui/password-field.js'
import { checkNewPassword } from '../ui/password-strength.js'
import { OutsidePage } from './outside-page.js'
import { useServerSays } from './server-info.js'
import { useServices } from './services.js'
import styles from './sign-in.module.css'

type NewPasswordPageProps = { typedPassword: string | undefined; server: string }

export default function NewPasswordPage({ typedPassword, server }: NewPasswordPageProps) {
  const { matrix, session, signOut } = useServices()
  const { askAgain } = useServerSays()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [problem, setProblem] = useState<string>()
  const [refusal, setRefusal] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const own = [localpartOf(session.userId), server]

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isBusy) return
    const known = typedPassword ?? current
    const refused = next === known ? t('password.same') : checkNewPassword(next, own)
    setProblem(refused)
    if (refused) return
    setIsBusy(true)
    setRefusal(undefined)
    try {
      await changeMyPassword(matrix.http, session.userId, { current: known, next, logsOut: true })
      askAgain()
    } catch (error) {
      const isWrong = error instanceof MatrixRequestError && error.errcode === 'M_FORBIDDEN'
      setRefusal(isWrong ? t('sessions.wrongPassword') : explainError(error))
      setIsBusy(false)
    }
  }
  return (
    <OutsidePage title={t('password.ownTitle')} aside={session.userId}>
      <p>{t('password.ownText')}</p>
      <form className={styles.form} noValidate onSubmit={(event) => void submit(event)}>
        {typedPassword === undefined && (
          <TextField
            label={t('password.handedOut')}
            type="password"
            value={current}
            onChange={(event) => setCurrent(event.target.value)}
            autoComplete="current-password"
          />
        )}
        <NewPasswordField
          label={t('password.own')}
          value={next}
          onValue={(value) => {
            setNext(value)
            setProblem(undefined)
          }}
          own={own}
          error={problem}
          autoFocus
        />
        {refusal && <Banner tone="bad">{refusal}</Banner>}
        <Button type="submit" variant="primary" size="large" disabled={isBusy}>
          {t('password.keep')}
        </Button>
      </form>
      <Button variant="quiet" onClick={() => void signOut()}>
        {t('profile.logOut')}
      </Button>
    </OutsidePage>
  )
}
