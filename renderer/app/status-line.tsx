/** The one line that tells the truth about the connection, with the reason on hover. */
import { t } from '../i18n/index.js'
import type { LiveState } from '../live/connection.js'
import { useStore } from '../live/store.js'
import { Tip } from '../ui/tip.js'
import { useServices } from './services.js'
import styles from './shell.module.css'

/** The long form of a state: what it means and why. */
export function explainState(state: LiveState): string {
  if (state.kind === 'live') return t('status.reason.live')
  return t(`status.reason.${state.reason}`, { error: ('error' in state && state.error) || '' })
}

export function StatusLine() {
  const { connection } = useServices().live
  const state = useStore(connection.state)
  const label = { live: 'status.live', 'catching-up': 'status.catchingUp', offline: 'status.offline' } as const
  const look = { live: '', 'catching-up': styles.catchingUp, offline: styles.offline }[state.kind]
  const reason = explainState(state)
  const text = state.kind === 'offline' ? `${t('status.offlineLong')}. ${reason}` : reason
  return (
    <>
      {state.kind === 'offline' && (
        <button type="button" className={styles.tryNow} onClick={() => connection.tryNow()}>
          {t('status.tryNow')}
        </button>
      )}
      <Tip text={text} side="right">
        <button
          type="button"
          className={`${styles.status} ${look}`}
          data-state={state.kind}
          aria-describedby="status-reason"
        >
          <i className={styles.statusDot} aria-hidden />
          <span role="status">{t(label[state.kind])}</span>
          <span id="status-reason" className="visually-hidden">
            {text}
          </span>
        </button>
      </Tip>
    </>
  )
}
