/** Ctrl/Cmd+K: any room, person, page or action by a few letters of its name. */
import { type KeyboardEvent, useId, useState } from 'react'
import { t } from '../i18n/index.js'
import { Dialog } from '../ui/dialog.js'
import { SearchField } from '../ui/field.js'
import styles from './jump-dialog.module.css'
import { type Target, useJumpTargets } from './jump-targets.js'

const shown = 40

export default function JumpDialog({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
  const [term, setTerm] = useState('')
  const [at, setAt] = useState(0)
  const listId = useId()
  const targets = useJumpTargets(term, onKeys).slice(0, shown)

  const go = (target: Target | undefined) => {
    if (!target) return
    onClose()
    target.go()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') go(targets[at])
    else if (event.key === 'ArrowDown') setAt(Math.min(at + 1, targets.length - 1))
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0))
    else return
    event.preventDefault()
  }
  return (
    <Dialog title={t('jump.title')} onClose={onClose} width="wide">
      <SearchField
        label={t('jump.placeholder')}
        value={term}
        onChange={(event) => {
          setTerm(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
        role="combobox"
        aria-expanded={true}
        aria-controls={listId}
        aria-activedescendant={targets[at] ? `${listId}-${at}` : undefined}
        autoComplete="off"
        autoFocus
      />
      <div id={listId} role="listbox" aria-label={t('jump.title')} className={styles.list}>
        {targets.map((target, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the combobox's
          <div
            key={target.key}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={styles.option}
            ref={(element) => {
              if (index === at) element?.scrollIntoView({ block: 'nearest' })
            }}
            onMouseMove={() => setAt(index)}
            onClick={() => go(target)}
          >
            <span className={styles.icon}>{target.icon}</span>
            <span className={styles.label}>{target.label}</span>
            <span className={styles.detail}>{target.detail}</span>
          </div>
        ))}
      </div>
      {targets.length === 0 && <p className={styles.nothing}>{t('jump.nothing')}</p>}
    </Dialog>
  )
}
