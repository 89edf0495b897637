/**
 * Notifications of the desktop. A click brings the window up at the room.
 *
 * Shown ones are kept, or the garbage collector takes their click handlers; a new one with the same
 * tag replaces the old.
 */
import { Notification } from 'electron'
import type { DesktopNotification } from '../ipc/contract.js'

const mostKept = 50

export function makeNotifications(navigate: (path: string) => void, show: () => void) {
  const shown = new Map<string, Notification>()
  // Windows: a click on one that outlived the app starts it, and only this tells.
  if (process.platform === 'win32') Notification.handleActivation(() => show())

  return (wanted: DesktopNotification): void => {
    if (!Notification.isSupported()) return
    shown.get(wanted.tag)?.close()
    const notification = new Notification({ title: wanted.title.slice(0, 200), body: wanted.body.slice(0, 500) })
    const forget = () => {
      if (shown.get(wanted.tag) === notification) shown.delete(wanted.tag)
    }
    notification.on('click', () => {
      forget()
      navigate(wanted.path)
    })
    notification.on('close', forget)
    notification.on('failed', forget)
    shown.set(wanted.tag, notification)
    const [oldest] = shown.keys()
    if (shown.size > mostKept && oldest !== undefined) shown.delete(oldest)
    notification.show()
  }
}
