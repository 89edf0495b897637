/** A short message about something just done or refused. Errors stay until closed, the rest 5 s. */
import { X } from 'lucide-react'
import { t } from '../i18n/index.js'
import { makeStore, useStore } from '../live/store.js'
import { IconButton } from './button.js'
import styles from './toast.module.css'

type Toast = { id: number; text: string; tone: 'plain' | 'bad' }
const store = makeStore<readonly Toast[]>([])
let nextId = 1

export function showToast(text: string, tone: Toast['tone'] = 'plain'): void {
  const toast = { id: nextId++, text, tone }
  store.update((toasts) => [...toasts.filter((other) => other.text !== text).slice(-2), toast])
  if (tone === 'plain') setTimeout(() => dismiss(toast.id), 5_000)
}

const dismiss = (id: number) => store.update((toasts) => toasts.filter((toast) => toast.id !== id))

export function Toasts() {
  const toasts = useStore(store)
  return (
    <div className={styles.stack} aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className={`${styles.toast} ${toast.tone === 'bad' ? styles.bad : ''}`}>
          <span>{toast.text}</span>
          <IconButton label={t('common.close')} onClick={() => dismiss(toast.id)}>
            <X size={16} aria-hidden />
          </IconButton>
        </div>
      ))}
    </div>
  )
}
