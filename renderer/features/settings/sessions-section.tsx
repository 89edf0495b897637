/** The own login sessions: rename them, log them out. */
import { Pencil } from 'lucide-react'
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { useLoaded } from '../../app/use-loaded.js'
import { t } from '../../i18n/index.js'
import { explainError, MatrixRequestError } from '../../platform/matrix/errors.js'
import { type Device, deleteMyDevices, listMyDevices, renameMyDevice } from '../../platform/matrix/own-account.js'
import { Banner, Skeleton } from '../../ui/bits.js'
import { Button, IconButton } from '../../ui/button.js'
import { DeviceLine, deviceTitle } from '../../ui/device-line.js'
import { Dialog } from '../../ui/dialog.js'
import { TextField } from '../../ui/field.js'
import { showToast } from '../../ui/toast.js'
import styles from './settings.module.css'
import { useDeviceTrust } from './use-device-trust.js'

export function SessionsSection() {
  const { matrix, session } = useServices()
  const devices = useLoaded(() => listMyDevices(matrix.http), '')
  const [renaming, setRenaming] = useState<Device>()
  const [leaving, setLeaving] = useState<readonly Device[]>()
  const isThis = (device: Device) => device.device_id === session.deviceId
  const sorted = [...(devices.value ?? [])].sort(
    (a, b) => Number(isThis(b)) - Number(isThis(a)) || (b.last_seen_ts ?? 0) - (a.last_seen_ts ?? 0),
  )
  const trust = useDeviceTrust()
  const others = sorted.filter((device) => !isThis(device))
  return (
    <section aria-label={t('settings.sessions')}>
      <h2>{t('settings.sessions')}</h2>
      <p className={styles.note}>{t('sessions.intro')}</p>
      {devices.error !== undefined && (
        <Banner tone="bad" action={<Button onClick={devices.reload}>{t('common.retry')}</Button>}>
          {explainError(devices.error)}
        </Banner>
      )}
      {!devices.value && devices.error === undefined && <Skeleton width="100%" height={44} />}
      {sorted.length > 0 && (
        <ul className={styles.devices}>
          {sorted.map((device) => (
            <DeviceLine
              key={device.device_id}
              device={device}
              isThis={isThis(device)}
              note={trust.noteOf(device.device_id)}
              onLogOut={() => setLeaving([device])}
              actions={
                <>
                  {trust.mayVerify(device.device_id) && (
                    <Button onClick={() => void trust.verify(device.device_id)}>{t('verify.device')}</Button>
                  )}
                  <IconButton label={t('sessions.rename')} onClick={() => setRenaming(device)}>
                    <Pencil size={16} aria-hidden />
                  </IconButton>
                </>
              }
            />
          ))}
        </ul>
      )}
      {others.length > 0 && (
        <div>
          <Button onClick={() => setLeaving(others)}>{t('sessions.logOutOthers', { count: others.length })}</Button>
        </div>
      )}
      {renaming && (
        <RenameDialog
          device={renaming}
          onClose={() => setRenaming(undefined)}
          onDone={(display_name) => {
            devices.change((list) =>
              list.map((device) => (device.device_id === renaming.device_id ? { ...device, display_name } : device)),
            )
            setRenaming(undefined)
          }}
        />
      )}
      {leaving && (
        <LogOutDialog
          devices={leaving}
          onClose={() => setLeaving(undefined)}
          onDone={() => {
            const gone = new Set(leaving.map((device) => device.device_id))
            devices.change((list) => list.filter((device) => !gone.has(device.device_id)))
            setLeaving(undefined)
          }}
        />
      )}
    </section>
  )
}

type RenameDialogProps = { device: Device; onClose: () => void; onDone: (name: string) => void }

function RenameDialog({ device, onClose, onDone }: RenameDialogProps) {
  const { http } = useServices().matrix
  const [name, setName] = useState(device.display_name ?? '')
  const [problem, setProblem] = useState<string>()
  const submit = async () => {
    try {
      await renameMyDevice(http, device.device_id, name.trim())
      onDone(name.trim())
    } catch (error) {
      setProblem(explainError(error))
    }
  }
  return (
    <Dialog
      title={t('sessions.renameTitle')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary">
            {t('common.save')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('sessions.name')}
        hint={t('sessions.nameHint')}
        value={name}
        maxLength={100}
        onChange={(event) => setName(event.target.value)}
        error={problem}
        autoFocus
      />
    </Dialog>
  )
}

type LogOutDialogProps = { devices: readonly Device[]; onClose: () => void; onDone: () => void }

function LogOutDialog({ devices, onClose, onDone }: LogOutDialogProps) {
  const { matrix, session } = useServices()
  const [password, setPassword] = useState('')
  const [problem, setProblem] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const [only] = devices
  const submit = async () => {
    if (isBusy) return
    if (!password) return setProblem(t('login.needPassword'))
    setIsBusy(true)
    setProblem(undefined)
    try {
      const ids = devices.map((device) => device.device_id)
      await deleteMyDevices(matrix.http, session.userId, ids, password)
      showToast(t('sessions.loggedOut', { count: devices.length }))
      onDone()
    } catch (error) {
      const isWrong = error instanceof MatrixRequestError && error.errcode === 'M_FORBIDDEN'
      setProblem(isWrong ? t('sessions.wrongPassword') : explainError(error))
      setIsBusy(false)
    }
  }
  return (
    <Dialog
      title={
        devices.length === 1 && only
          ? t('sessions.logOutTitle', { name: deviceTitle(only) })
          : t('sessions.logOutOthersTitle', { count: devices.length })
      }
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="danger" disabled={isBusy}>
            {t('sessions.logOut')}
          </Button>
        </>
      }
    >
      <Banner tone="warn">{t('sessions.logOutText')}</Banner>
      <TextField
        label={t('sessions.password')}
        hint={t('sessions.passwordHint')}
        type="password"
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        error={problem}
        autoComplete="current-password"
        autoFocus
      />
    </Dialog>
  )
}
