/** A list with the details of one entry beside it; where there is no room for both, in a sheet over it. */
import { X } from 'lucide-react'
import { type ReactNode, useSyncExternalStore } from 'react'
import { t } from '../../i18n/index.js'
import { IconButton } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import styles from './list-and-detail.module.css'

type ListAndDetailProps = {
  children: ReactNode
  detail: { title: string; content: ReactNode } | undefined
  onClose: () => void
}

const besideQuery = '(min-width: 1080px)'

function useIsWide(): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(besideQuery)
      media.addEventListener('change', listener)
      return () => media.removeEventListener('change', listener)
    },
    () => matchMedia(besideQuery).matches,
  )
}

export function ListAndDetail({ children, detail, onClose }: ListAndDetailProps) {
  const isWide = useIsWide()
  return (
    <div className={styles.split} data-open={(detail && isWide) || undefined}>
      <div className={styles.list}>{children}</div>
      {detail && isWide && (
        <aside className={styles.panel} aria-label={detail.title}>
          <header className={styles.head}>
            <h2>{detail.title}</h2>
            <IconButton label={t('home.closeDetails')} onClick={onClose}>
              <X size={18} aria-hidden />
            </IconButton>
          </header>
          {detail.content}
        </aside>
      )}
      {detail && !isWide && (
        <Dialog kind="sheet" title={detail.title} onClose={onClose}>
          {detail.content}
        </Dialog>
      )}
    </div>
  )
}

/** A group in the panel. */
export const PanelSection = ({ title, children }: { title?: string; children: ReactNode }) => (
  <section className={styles.section}>
    {title && <h3>{title}</h3>}
    {children}
  </section>
)

export const PanelActions = ({ children }: { children: ReactNode }) => <div className={styles.actions}>{children}</div>
