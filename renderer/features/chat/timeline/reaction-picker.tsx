/** Chooses a reaction: the usual few at once, any other by its name. */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react'
import { t } from '../../../i18n/index.js'
import { emojis, findEmojis, quickReactions } from '../composer/emoji.js'
import styles from './reaction-picker.module.css'

/** Cells of the grid; a longer search says more. */
const mostFound = 64

export function ReactionPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const [term, setTerm] = useState('')
  const frame = useRef<HTMLDivElement>(null)
  const found = useMemo(() => unique(term ? findEmojis(term.trim().toLowerCase(), mostFound) : emojis), [term])
  useEffect(() => frame.current?.querySelector('button')?.focus(), [])
  return (
    <div ref={frame} className={styles.picker}>
      <Cells
        label={t('message.react')}
        emojis={quickReactions.map((emoji) => ({ name: emoji, emoji }))}
        onPick={onPick}
      />
      <input
        type="search"
        className={styles.search}
        placeholder={t('message.findEmoji')}
        aria-label={t('message.findEmoji')}
        value={term}
        onChange={(event) => setTerm(event.target.value)}
        onKeyDown={(event) => {
          const first = found[0]
          if (event.key !== 'Enter' || !first) return
          event.preventDefault()
          onPick(first.emoji)
        }}
      />
      {found.length > 0 ? (
        <Cells label={t('message.moreEmoji')} emojis={found} onPick={onPick} isGrid />
      ) : (
        <p className={styles.none}>{t('message.noEmoji')}</p>
      )}
    </div>
  )
}

type CellsProps = {
  label: string
  emojis: readonly { name: string; emoji: string }[]
  onPick: (emoji: string) => void
  isGrid?: boolean
}

/** One tab stop; the arrow keys move inside. */
function Cells({ label, emojis: shown, onPick, isGrid = false }: CellsProps) {
  const [current, setCurrent] = useState(0)
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow }[event.key]
    if (by === undefined) return
    event.preventDefault()
    event.stopPropagation()
    const next = Math.max(0, Math.min(shown.length - 1, current + by))
    setCurrent(next)
    event.currentTarget.querySelectorAll('button')[next]?.focus()
  }
  return (
    <div className={isGrid ? styles.grid : styles.row} role="toolbar" aria-label={label} onKeyDown={onKeyDown}>
      {shown.map(({ name, emoji }, index) => (
        <button
          key={emoji}
          type="button"
          className={styles.cell}
          title={name.replaceAll('_', ' ')}
          aria-label={name === emoji ? undefined : name.replaceAll('_', ' ')}
          tabIndex={index === Math.min(current, shown.length - 1) ? 0 : -1}
          onFocus={() => setCurrent(index)}
          onClick={() => onPick(emoji)}
        >
          {emoji}
        </button>
      ))}
    </div>
  )
}

const perRow = 8

/** Several names may stand for one emoji. */
const unique = (found: typeof emojis) => [...new Map(found.map((each) => [each.emoji, each])).values()]
