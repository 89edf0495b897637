/**
 * Makes an account for somebody who cannot come by an invitation. Its password is made up by the server, shown once,
 * and asked to be changed.
 */
import { useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Switch, TextField } from '../../../ui/field.js'
import { type AdminUser, createUser, giveTemporaryPassword } from '../admin-api.js'
import { TemporaryPassword } from './temporary-password.js'

type NewAccountDialogProps = { onClose: () => void; onCreated: (user: AdminUser) => void }

/** As the spec allows for new user IDs. Spec: https://spec.matrix.org/v1.19/appendices/#user-identifiers */
export const isLocalpart = (text: string) => /^[a-z0-9._=\-/+]+$/.test(text)

export function NewAccountDialog({ onClose, onCreated }: NewAccountDialogProps) {
  const { matrix, session } = useServices()
  const [username, setUsername] = useState('')
  const [isAdmin, setIsAdmin] = useState(false)
  const [problem, setProblem] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const [made, setMade] = useState<{ user: AdminUser; password: string }>()
  const server = serverNameOf(session.userId)
  const localpart = username.trim().toLowerCase()
  const userId = `@${localpart}:${server}`
  const close = () => (made ? onCreated(made.user) : onClose())

  const submit = async () => {
    if (made) return close()
    if (isBusy) return
    if (!isLocalpart(localpart)) return setProblem(t('error.M_INVALID_USERNAME'))
    setIsBusy(true)
    setProblem(undefined)
    try {
      const user = await createUser(matrix.http, userId, { admin: isAdmin })
      setMade({ user, password: await giveTemporaryPassword(matrix.http, userId, true) })
    } catch (error) {
      setProblem(explainError(error))
    }
    setIsBusy(false)
  }
  return (
    <Dialog
      title={t('people.createTitle')}
      onClose={close}
      onSubmit={() => void submit()}
      footer={
        made ? (
          <Button type="submit" variant="primary">
            {t('common.done')}
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>{t('common.cancel')}</Button>
            <Button type="submit" variant="primary" disabled={isBusy}>
              {t('people.createSubmit')}
            </Button>
          </>
        )
      }
    >
      {made ? (
        <>
          <p>{t('people.createdText', { id: userId })}</p>
          <TemporaryPassword password={made.password} name={localpart} />
        </>
      ) : (
        <>
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
          <Switch
            label={t('people.createAdmin')}
            hint={t('people.createAdminHint')}
            checked={isAdmin}
            onChange={(event) => setIsAdmin(event.target.checked)}
          />
          {problem && <Banner tone="bad">{problem}</Banner>}
        </>
      )}
    </Dialog>
  )
}
