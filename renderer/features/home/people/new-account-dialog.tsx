/** Makes an account for somebody else. */
import { useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Switch, TextField } from '../../../ui/field.js'
import { NewPasswordField } from '../../../ui/password-field.js'
import { suggestPassword } from '../../../ui/password-strength.js'
import { showToast } from '../../../ui/toast.js'
import { type AdminUser, createUser } from '../admin-api.js'

type NewAccountDialogProps = { onClose: () => void; onCreated: (user: AdminUser) => void }

/** As the spec allows for new user IDs. Spec: https://spec.matrix.org/v1.19/appendices/#user-identifiers */
export const isLocalpart = (text: string) => /^[a-z0-9._=\-/+]+$/.test(text)

export function NewAccountDialog({ onClose, onCreated }: NewAccountDialogProps) {
  const { matrix, session } = useServices()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [isAdmin, setIsAdmin] = useState(false)
  const [problem, setProblem] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const server = serverNameOf(session.userId)
  const localpart = username.trim().toLowerCase()
  const userId = `@${localpart}:${server}`

  const submit = async () => {
    if (isBusy) return
    if (!isLocalpart(localpart)) return setProblem(t('error.M_INVALID_USERNAME'))
    if ([...password].length < 8) return setProblem(t('register.tooShort'))
    setIsBusy(true)
    setProblem(undefined)
    try {
      const created = await createUser(matrix.http, userId, { password, admin: isAdmin })
      showToast(t('people.createdToast', { id: userId }))
      onCreated(created)
    } catch (error) {
      setProblem(explainError(error))
      setIsBusy(false)
    }
  }
  return (
    <Dialog
      title={t('people.createTitle')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={isBusy}>
            {t('people.createSubmit')}
          </Button>
        </>
      }
    >
      <p>{t('people.createText')}</p>
      <TextField
        label={t('people.createName')}
        value={username}
        onChange={(event) => setUsername(event.target.value)}
        hint={localpart ? t('register.userHint', { id: userId }) : undefined}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      <NewPasswordField
        label={t('register.password')}
        value={password}
        onValue={setPassword}
        own={[localpart, server]}
        isShownFirst
        action={
          <div>
            <Button onClick={() => setPassword(suggestPassword())}>{t('people.suggest')}</Button>
          </div>
        }
      />
      <Switch
        label={t('people.createAdmin')}
        hint={t('people.createAdminHint')}
        checked={isAdmin}
        onChange={(event) => setIsAdmin(event.target.checked)}
      />
      {problem && <Banner tone="bad">{problem}</Banner>}
    </Dialog>
  )
}
