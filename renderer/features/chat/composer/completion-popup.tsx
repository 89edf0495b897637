/** The one popup of the composer: people, emoji, rooms, commands. The text field keeps the focus. */
import { t } from '../../../i18n/index.js'
import { Avatar } from '../../../ui/avatar.js'
import { describeCommand } from './commands.js'
import type { Suggestion } from './completion.js'
import styles from './composer.module.css'

type PopupProps = {
  id: string
  suggestions: Suggestion[]
  chosen: number
  onChoose: (index: number) => void
  onTake: (suggestion: Suggestion) => void
}

export const CompletionPopup = ({ id, suggestions, chosen, onChoose, onTake }: PopupProps) => (
  <div id={id} className={styles.popup} role="listbox" aria-label={t('composer.suggestions')}>
    {suggestions.map((suggestion, index) => (
      // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the text field's
      <div
        key={suggestion.key}
        id={`${id}-${index}`}
        role="option"
        tabIndex={-1}
        className={styles.option}
        aria-selected={index === chosen}
        onMouseMove={() => onChoose(index)}
        onMouseDown={(event) => event.preventDefault()}
        onClick={() => onTake(suggestion)}
      >
        <Content suggestion={suggestion} />
      </div>
    ))}
  </div>
)

function Content({ suggestion }: { suggestion: Suggestion }) {
  switch (suggestion.kind) {
    case 'user':
      return (
        <>
          <Avatar id={suggestion.userId} name={suggestion.name} mxc={suggestion.avatar} size={24} />
          <b>{suggestion.name}</b>
          <span className={styles.detail}>{suggestion.userId}</span>
        </>
      )
    case 'emoji':
      return (
        <>
          <i>{suggestion.emoji}</i>
          <b>:{suggestion.name}:</b>
        </>
      )
    case 'room':
      return (
        <>
          <Avatar id={suggestion.roomId} name={suggestion.name} size={24} kind="room" />
          <b>{suggestion.name}</b>
          <span className={styles.detail}>{suggestion.insert}</span>
        </>
      )
    case 'command':
      return (
        <>
          <b>/{suggestion.name}</b>
          <span className={styles.detail}>{t(describeCommand(suggestion.name))}</span>
        </>
      )
  }
}
