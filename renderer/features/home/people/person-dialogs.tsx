/** Asks before what cannot be taken back, and for a new password. */
import { useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Switch, TextField } from '../../../ui/field.js'
import { showToast } from '../../../ui/toast.js'
import { type AdminUser, deactivateUser, giveTemporaryPassword } from '../admin-api.js'
import { nameOf } from './person-text.js'
import { TemporaryPassword } from './temporary-password.js'

type DialogProps = { user: AdminUser; onClose: () => void }

export function ResetPasswordDialog({ user, onClose }: DialogProps) {
  const { http } = useServices().matrix
  const [password, setPassword] = useState<string>()
  const [logsOut, setLogsOut] = useState(true)
  const [problem, setProblem] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const name = nameOf(user)
  const submit = async () => {
    if (password !== undefined) return onClose()
    if (isBusy) return
    setIsBusy(true)
    setProblem(undefined)
    try {
      setPassword(await giveTemporaryPassword(http, user.name, logsOut))
    } catch (error) {
      setProblem(explainError(error))
    }
    setIsBusy(false)
  }
  return (
    <Dialog
      title={t('people.resetPasswordTitle', { name })}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        password === undefined ? (
          <>
            <Button onClick={onClose}>{t('common.cancel')}</Button>
            <Button type="submit" variant="primary" disabled={isBusy}>
              {t('people.resetPassword')}
            </Button>
          </>
        ) : (
          <Button type="submit" variant="primary">
            {t('common.done')}
          </Button>
        )
      }
    >
      {password === undefined ? (
        <>
          <p>{t('people.resetPasswordText', { name })}</p>
          <Switch
            label={t('people.logOutEverywhere')}
            hint={t('people.logOutEverywhereHint')}
            checked={logsOut}
            onChange={(event) => setLogsOut(event.target.checked)}
          />
          {problem && <Banner tone="bad">{problem}</Banner>}
        </>
      ) : (
        <TemporaryPassword password={password} name={name} />
      )}
    </Dialog>
  )
}

/** Cannot be undone: the account's name has to be typed. */
export function DeactivateDialog({ user, onClose, onDone }: DialogProps & { onDone: () => void }) {
  const { http } = useServices().matrix
  const [typed, setTyped] = useState('')
  const [erases, setErases] = useState(false)
  const [problem, setProblem] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const word = localpartOf(user.name)
  const name = nameOf(user)
  const submit = async () => {
    if (typed.trim() !== word || isBusy) return
    setIsBusy(true)
    setProblem(undefined)
    try {
      await deactivateUser(http, user.name, erases)
      showToast(t('people.deactivated', { name }))
      onDone()
    } catch (error) {
      setProblem(explainError(error))
      setIsBusy(false)
    }
  }
  return (
    <Dialog
      title={t('people.deactivateTitle', { name })}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" disabled={typed.trim() !== word || isBusy}>
            {t('people.deactivate')}
          </Button>
        </>
      }
    >
      <p>{t('people.deactivateText', { name, id: user.name })}</p>
      <Switch
        label={t('people.deactivateErase')}
        checked={erases}
        onChange={(event) => setErases(event.target.checked)}
      />
      <TextField
        label={t('home.typeToConfirm', { text: word })}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      {problem && <Banner tone="bad">{problem}</Banner>}
    </Dialog>
  )
}
