/** Settings of the machine: notifications everywhere, and in the desktop app starting and staying. */
import { useEffect, useState } from 'react'
import type { DesktopSettings } from '../../../main/ipc/contract.js'
import { changePreferences, usePreferences } from '../../app/preferences.js'
import { t } from '../../i18n/index.js'
import { platform } from '../../platform/bridge.js'
import { explainError } from '../../platform/matrix/errors.js'
import { Switch } from '../../ui/field.js'
import { showToast } from '../../ui/toast.js'

export function ComputerSection() {
  const [settings, setSettings] = useState<DesktopSettings>()
  useEffect(() => {
    platform.readSettings().then(setSettings, () => undefined) // the switches stay away
  }, [])
  const change = async (changes: Partial<DesktopSettings>) => {
    try {
      setSettings(await platform.changeSettings(changes))
    } catch (error) {
      showToast(explainError(error), 'bad')
    }
  }
  return (
    <section>
      <NotificationsSwitch />
      {settings && (
        <>
          <Switch
            label={t('settings.startAtLogin')}
            checked={settings.startAtLogin}
            onChange={(event) => void change({ startAtLogin: event.target.checked })}
          />
          <Switch
            label={t('settings.keepRunning')}
            hint={t('settings.keepRunningHint')}
            checked={settings.keepRunning}
            onChange={(event) => void change({ keepRunning: event.target.checked })}
          />
        </>
      )}
    </section>
  )
}

function NotificationsSwitch() {
  const { notifications } = usePreferences()
  const needsPermission = platform.kind === 'browser' && 'Notification' in window
  const [permission, setPermission] = useState(needsPermission ? Notification.permission : 'granted')
  const toggle = async (isOn: boolean) => {
    changePreferences({ notifications: isOn })
    if (isOn && permission === 'default') setPermission(await Notification.requestPermission())
  }
  return (
    <Switch
      label={t('settings.notifications')}
      hint={permission === 'denied' ? t('settings.notificationsDenied') : undefined}
      checked={notifications && permission === 'granted'}
      disabled={permission === 'denied'}
      onChange={(event) => void toggle(event.target.checked)}
    />
  )
}
