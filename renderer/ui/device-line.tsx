/** One login session in a list: what it is called, when and from where it was last seen. */
import type { ReactNode } from 'react'
import { formatAgo } from '../i18n/format.js'
import { t } from '../i18n/index.js'
import type { Device } from '../platform/matrix/own-account.js'
import { Button } from './button.js'
import styles from './device-line.module.css'

type DeviceLineProps = {
  device: Device
  isThis: boolean
  /** What else is to be known of it, in a word. */
  note?: string | undefined
  onLogOut?: () => void
  actions?: ReactNode
}

function lastSeenOf({ last_seen_ts, last_seen_ip }: Device): string {
  if (last_seen_ts === undefined) return t('sessions.neverSeen')
  const when = formatAgo(Math.min(last_seen_ts, Date.now()))
  return last_seen_ip ? t('sessions.lastSeenFrom', { when, ip: last_seen_ip }) : t('sessions.lastSeen', { when })
}

export const deviceTitle = (device: Device) => device.display_name || t('sessions.unnamed')

export const DeviceLine = ({ device, isThis, note, onLogOut, actions }: DeviceLineProps) => (
  <li className={styles.device}>
    <div className={styles.about}>
      <p className={styles.title}>
        <bdi className={styles.name}>{deviceTitle(device)}</bdi>
        {isThis && <span className={styles.tag}>{t('sessions.this')}</span>}
        {note && <span className={styles.tag}>{note}</span>}
      </p>
      <p className={styles.seen}>
        {lastSeenOf(device)} · <code>{device.device_id}</code>
      </p>
    </div>
    <div className={styles.actions}>
      {actions}
      {onLogOut && !isThis && <Button onClick={onLogOut}>{t('sessions.logOut')}</Button>}
    </div>
  </li>
)
