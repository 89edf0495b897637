/** A place with several pages: their list at the side, on top where it is narrow, and the one that is open. */
import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import styles from './sub-pages.module.css'

type SubPagesProps<Name extends string> = {
  /** What the list is called for screen readers. */
  label: string
  /** Without any there is no list. */
  pages: readonly { name: Name; label: string; Icon: LucideIcon }[]
  current: Name
  onChoose: (name: Name) => void
  children: ReactNode
}

export const SubPages = <Name extends string>({ label, pages, current, onChoose, children }: SubPagesProps<Name>) => (
  <div className={styles.frame} data-alone={pages.length === 0 || undefined}>
    {pages.length > 0 && (
      <nav className={styles.nav} aria-label={label}>
        <ul>
          {pages.map(({ name, label: text, Icon }) => (
            <li key={name}>
              <button
                type="button"
                className={styles.link}
                aria-current={current === name ? 'page' : undefined}
                onClick={() => onChoose(name)}
              >
                <Icon size={18} aria-hidden />
                {text}
              </button>
            </li>
          ))}
        </ul>
      </nav>
    )}
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
    <div className={styles.content} key={current} tabIndex={0}>
      {children}
    </div>
  </div>
)
