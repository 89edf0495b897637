/**
 * Dialogs and sheets on the browser's own <dialog>: it traps focus, makes the rest inert and
 * closes on Escape by itself, and needs no style element that the page's CSP would refuse.
 */
import { X } from 'lucide-react'
import { type ReactNode, useEffect, useId, useRef, useState } from 'react'
import { t } from '../i18n/index.js'
import { IconButton } from './button.js'
import styles from './dialog.module.css'
import { PopupFrame } from './popup-frame.js'

type DialogProps = {
  title: string
  onClose: () => void
  children: ReactNode
  /** Buttons; the primary one last. */
  footer?: ReactNode
  width?: 'normal' | 'wide'
  /** `sheet` comes in from the side and takes the height of the window. */
  kind?: 'dialog' | 'sheet'
  /** The content brings its own space, up to the edges. */
  isFlush?: boolean
  /** With it the content is a form: Enter submits. */
  onSubmit?: (() => void) | undefined
}

const typedInto = 'input:not([type="checkbox"], [type="radio"], [type="file"]), textarea'

/** Mounted means open; unmount it to close. */
export function Dialog(props: DialogProps) {
  const { title, onClose, children, footer, width = 'normal', kind = 'dialog', isFlush, onSubmit } = props
  const ref = useRef<HTMLDialogElement>(null)
  const [frame, setFrame] = useState<HTMLElement | null>(null)
  const titleId = useId()
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    if (dialog && !dialog.open) {
      dialog.showModal()
      // React's autoFocus came too early, while the dialog was closed; by itself it takes the close button.
      const field = kind === 'dialog' ? dialog.querySelector<HTMLElement>(typedInto) : null
      ;(field ?? dialog).focus()
    }
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [kind])
  const inside = (
    <PopupFrame value={frame}>
      <header className={styles.head}>
        <h2 className={styles.title} id={titleId}>
          {title}
        </h2>
        <IconButton label={t('common.close')} onClick={onClose}>
          <X size={18} aria-hidden />
        </IconButton>
      </header>
      <div className={`${styles.body} ${isFlush ? styles.flush : ''}`}>{children}</div>
      {footer && <footer className={styles.foot}>{footer}</footer>}
    </PopupFrame>
  )
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      aria-labelledby={titleId}
      className={[styles.dialog, width === 'wide' && styles.wide, kind === 'sheet' && styles.sheet]
        .filter(Boolean)
        .join(' ')}
      // Escape closes it before anybody is asked. React lets the event rise from a dialog over this one.
      onClose={(event) => event.target === event.currentTarget && onClose()}
      onKeyDown={(event) => event.stopPropagation()} // the page's own keys rest while a dialog is open
      onMouseDown={(event) => {
        if (event.target === ref.current) onClose()
      }}
    >
      {onSubmit ? (
        <form
          className={styles.frame}
          onSubmit={(event) => {
            event.preventDefault()
            onSubmit()
          }}
        >
          {inside}
        </form>
      ) : (
        <div className={styles.frame}>{inside}</div>
      )}
      <div ref={setFrame} />
    </dialog>
  )
}
