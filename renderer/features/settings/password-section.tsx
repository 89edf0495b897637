/** A new password of one's own; whoever is signed in elsewhere has to come in with it. */
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { explainError, MatrixRequestError } from '../../platform/matrix/errors.js'
import { localpartOf, serverNameOf } from '../../platform/matrix/login-session.js'
import { changeMyPassword } from '../../platform/matrix/own-account.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { Switch, TextField } from '../../ui/field.js'
import { NewPasswordField } from '../../ui/password-field.js'
import { checkNewPassword } from '../../ui/password-strength.js'
import { showToast } from '../../ui/toast.js'
import styles from './settings.module.css'

export function PasswordSection() {
  const [isOpen, setIsOpen] = useState(false)
  return (
    <section>
      <h2>{t('register.password')}</h2>
      <p className={styles.note}>{t('settings.passwordText')}</p>
      <div>
        <Button onClick={() => setIsOpen(true)}>{t('settings.changePassword')}</Button>
      </div>
      {isOpen && <PasswordDialog onClose={() => setIsOpen(false)} />}
    </section>
  )
}

type Problems = { current?: string | undefined; next?: string | undefined }

function PasswordDialog({ onClose }: { onClose: () => void }) {
  const { matrix, session } = useServices()
  const [current, setCurrent] = useState('')
  const [next, setNext] = useState('')
  const [logsOut, setLogsOut] = useState(true)
  const [problems, setProblems] = useState<Problems>({})
  const [refusal, setRefusal] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const own = [localpartOf(session.userId), serverNameOf(session.userId)]

  const submit = async () => {
    if (isBusy) return
    const found = {
      current: current ? undefined : t('login.needPassword'),
      next: next !== '' && next === current ? t('password.same') : checkNewPassword(next, own),
    }
    setProblems(found)
    setRefusal(undefined)
    if (found.current ?? found.next) return
    setIsBusy(true)
    try {
      await changeMyPassword(matrix.http, session.userId, { current, next, logsOut })
      showToast(t('settings.passwordChanged'))
      onClose()
    } catch (error) {
      const isWrong = error instanceof MatrixRequestError && error.errcode === 'M_FORBIDDEN'
      if (isWrong) setProblems({ current: t('sessions.wrongPassword') })
      else setRefusal(explainError(error))
      setIsBusy(false)
    }
  }
  return (
    <Dialog
      title={t('settings.changePassword')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={isBusy}>
            {t('settings.changePassword')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('settings.currentPassword')}
        type="password"
        value={current}
        onChange={(event) => setCurrent(event.target.value)}
        error={problems.current}
        autoComplete="current-password"
        autoFocus
      />
      <NewPasswordField
        label={t('people.newPassword')}
        value={next}
        onValue={setNext}
        own={own}
        error={problems.next}
      />
      <Switch
        label={t('settings.logOutOthers')}
        hint={t('settings.logOutOthersHint')}
        checked={logsOut}
        onChange={(event) => setLogsOut(event.target.checked)}
      />
      {refusal && <Banner tone="bad">{refusal}</Banner>}
    </Dialog>
  )
}
