/** A server's rung on the ladder: colour and word together, never colour alone. */
import type { FederationTrafficRow } from '../../../server/api/live/rows.js'
import { formatAgo, formatNumber } from '../../i18n/format.js'
import { t } from '../../i18n/index.js'
import styles from './state-dot.module.css'

type State = FederationTrafficRow['state']

export const StateDot = ({ state }: { state: State }) => <i className={styles.dot} data-state={state} aria-hidden />

/** Why it is where it is, and when it is tried next; nothing of one that is well. */
export function explainDestination(row: FederationTrafficRow, now = Date.now()): { why?: string; next?: string } {
  if (row.state === 'ok' || row.state === 'unknown') return {}
  const isDue = row.retry_at !== undefined && row.retry_at > now
  return {
    ...(row.last_error ? { why: row.last_error } : {}),
    ...(isDue ? { next: t('destination.next', { when: formatAgo(row.retry_at!, now) }) } : {}),
  }
}

export const formatInOut = (incoming: number, outgoing: number) =>
  `${formatNumber(incoming)} / ${formatNumber(outgoing)}`
