/** One account: what it is, where it is signed in, and what an administrator can do about it. */
import { useState } from 'react'
import { useServices } from '../../../app/services.js'
import { useLoaded } from '../../../app/use-loaded.js'
import { formatDateTime } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { Button } from '../../../ui/button.js'
import { DeviceLine } from '../../../ui/device-line.js'
import { showToast } from '../../../ui/toast.js'
import {
  type AdminUser,
  deleteUserDevice,
  listUserDevices,
  readUser,
  setUserAdmin,
  setUserLocked,
} from '../admin-api.js'
import { PanelActions, PanelSection } from '../list-and-detail.js'
import { Fact, Facts, LoadFailed, LoadingRows } from '../page.js'
import tools from '../tools.module.css'
import { NoticeDialog } from './notice-dialog.js'
import { DeactivateDialog, ResetPasswordDialog } from './person-dialogs.js'
import { nameOf, roleOf, stateOf } from './person-text.js'

type PersonPanelProps = {
  userId: string
  known: AdminUser | undefined
  onChanged: (user: AdminUser) => void
}

export function PersonPanel({ userId, known, onChanged }: PersonPanelProps) {
  const { http } = useServices().matrix
  const user = useLoaded(() => readUser(http, userId), userId)
  const shown = user.value ?? known
  if (!shown)
    return user.error === undefined ? <LoadingRows count={3} /> : <LoadFailed {...user} onRetry={user.reload} />
  return (
    <Person
      user={shown}
      onChanged={(changed) => {
        user.change(() => changed)
        onChanged(changed)
      }}
    />
  )
}

function Person({ user, onChanged }: { user: AdminUser; onChanged: (user: AdminUser) => void }) {
  const { matrix, session } = useServices()
  const [dialog, setDialog] = useState<'password' | 'deactivate' | 'notice'>()
  const [isBusy, setIsBusy] = useState(false)
  const name = nameOf(user)
  const isSelf = user.name === session.userId

  const run = async (work: () => Promise<unknown>, changes: Partial<AdminUser>, said: string) => {
    setIsBusy(true)
    try {
      await work()
      onChanged({ ...user, ...changes })
      showToast(said)
    } catch (error) {
      showToast(explainError(error), 'bad')
    } finally {
      setIsBusy(false)
    }
  }
  const toggleAdmin = () =>
    run(
      () => setUserAdmin(matrix.http, user.name, !user.admin),
      { admin: !user.admin },
      t(user.admin ? 'people.tookAdmin' : 'people.madeAdmin', { name }),
    )
  const toggleLock = () =>
    run(
      () => setUserLocked(matrix.http, user.name, !user.locked),
      { locked: !user.locked },
      t(user.locked ? 'people.unlocked' : 'people.locked', { name }),
    )
  return (
    <>
      <PanelSection>
        <Facts>
          <Fact name={t('people.column.id')}>
            <code className={tools.id}>{user.name}</code>
          </Fact>
          <Fact name={t('people.column.role')}>{[roleOf(user), stateOf(user)].filter(Boolean).join(', ')}</Fact>
          <Fact name={t('people.created')}>{formatDateTime(user.creation_ts)}</Fact>
        </Facts>
      </PanelSection>
      {!user.deactivated && (
        <PanelActions>
          {isSelf ? (
            <p className={tools.note}>{t('people.self')}</p>
          ) : (
            <>
              {user.user_type === null && <Button onClick={() => setDialog('notice')}>{t('notice.write')}</Button>}
              <Button onClick={() => setDialog('password')}>{t('people.resetPassword')}</Button>
              <Button onClick={toggleAdmin} disabled={isBusy}>
                {t(user.admin ? 'people.takeAdmin' : 'people.makeAdmin')}
              </Button>
              <Button onClick={toggleLock} disabled={isBusy}>
                {t(user.locked ? 'people.unlock' : 'people.lock')}
              </Button>
              <Button variant="danger" onClick={() => setDialog('deactivate')} disabled={isBusy}>
                {t('people.deactivate')}
              </Button>
            </>
          )}
        </PanelActions>
      )}
      {!user.deactivated && <Devices userId={user.name} />}
      {dialog === 'notice' && <NoticeDialog user={user} onClose={() => setDialog(undefined)} />}
      {dialog === 'password' && <ResetPasswordDialog user={user} onClose={() => setDialog(undefined)} />}
      {dialog === 'deactivate' && (
        <DeactivateDialog
          user={user}
          onClose={() => setDialog(undefined)}
          onDone={() => {
            setDialog(undefined)
            onChanged({ ...user, deactivated: true, admin: false, locked: false })
          }}
        />
      )}
    </>
  )
}

function Devices({ userId }: { userId: string }) {
  const { matrix, session } = useServices()
  const devices = useLoaded(() => listUserDevices(matrix.http, userId), userId)
  const logOut = async (deviceId: string) => {
    try {
      await deleteUserDevice(matrix.http, userId, deviceId)
      devices.change((list) => list.filter((device) => device.device_id !== deviceId))
      showToast(t('sessions.loggedOut', { count: 1 }))
    } catch (error) {
      showToast(explainError(error), 'bad')
    }
  }
  return (
    <PanelSection title={t('people.devices')}>
      {devices.error !== undefined && <LoadFailed error={devices.error} onRetry={devices.reload} />}
      {!devices.value && devices.error === undefined && <LoadingRows count={2} />}
      {devices.value?.length === 0 && <p className={tools.note}>{t('sessions.empty')}</p>}
      <ul className={tools.cards}>
        {devices.value?.map((device) => (
          <DeviceLine
            key={device.device_id}
            device={device}
            isThis={device.device_id === session.deviceId && userId === session.userId}
            onLogOut={() => void logOut(device.device_id)}
          />
        ))}
      </ul>
    </PanelSection>
  )
}
