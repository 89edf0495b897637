/** The edge of the room list: drag it, or move it with the arrow keys. */
import type { KeyboardEvent, PointerEvent } from 'react'
import { changePreferences, usePreferences } from '../../app/preferences.js'
import { t } from '../../i18n/index.js'
import styles from './chat.module.css'

const narrowest = 220
const widest = 400
const clamp = (width: number) => Math.round(Math.min(widest, Math.max(narrowest, width)))

export function ResizeHandle() {
  const { listWidth } = usePreferences()
  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    const left = event.currentTarget.parentElement?.getBoundingClientRect().left ?? 0
    const handle = event.currentTarget
    handle.setPointerCapture(event.pointerId)
    const move = (moved: globalThis.PointerEvent) => changePreferences({ listWidth: clamp(moved.clientX - left) })
    handle.addEventListener('pointermove', move)
    handle.addEventListener('lostpointercapture', () => handle.removeEventListener('pointermove', move), { once: true })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key]
    if (by === undefined) return
    event.preventDefault()
    changePreferences({ listWidth: clamp(listWidth + by) })
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a focusable separator with a value is no <hr>
    <div
      className={styles.handle}
      role="separator"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t('shell.resizeList')}
      aria-valuemin={narrowest}
      aria-valuemax={widest}
      aria-valuenow={listWidth}
      onPointerDown={onPointerDown}
      onKeyDown={onKeyDown}
    />
  )
}
