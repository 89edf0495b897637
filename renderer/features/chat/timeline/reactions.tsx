/** Reactions under a message: press to join in or take yours back. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { formatList, formatNumber } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { newTxnId } from '../../../platform/matrix/events.js'
import { Tip } from '../../../ui/tip.js'
import { attempt } from '../chat-actions.js'
import type { Names } from '../names.js'
import styles from './message.module.css'
import type { MessageItem, Reaction } from './timeline-items.js'

/** Different reactions shown of one message before the rest is asked for. */
const firstShown = 24

export function useToggleReaction(item: MessageItem, roomId: string): (key: string) => void {
  const { matrix } = useServices()
  return (key) => {
    const mine = item.reactions.find((reaction) => reaction.key === key)?.mine
    void attempt(() =>
      mine
        ? matrix.redactEvent(roomId, mine, newTxnId())
        : matrix.sendEvent(
            roomId,
            'm.reaction',
            { 'm.relates_to': { rel_type: 'm.annotation', event_id: item.eventId, key } },
            newTxnId(),
          ),
    )
  }
}

export function Reactions({ item, room, names }: { item: MessageItem; room: RoomSummaryRow; names: Names }) {
  const toggle = useToggleReaction(item, room.room_id)
  const [showsAll, setShowsAll] = useState(false)
  const hidden = showsAll ? 0 : item.reactions.length - firstShown
  return (
    <div className={styles.reactions}>
      {item.reactions.slice(0, showsAll ? undefined : firstShown).map((reaction) => (
        <Tip key={reaction.key} text={describe(reaction, names)} side="top">
          <button
            type="button"
            className={styles.reaction}
            aria-pressed={reaction.mine !== undefined}
            disabled={!room.can.send}
            onClick={() => toggle(reaction.key)}
          >
            <i>{reaction.key}</i>
            {formatNumber(reaction.users.length)}
            <span className="visually-hidden">{describe(reaction, names)}</span>
          </button>
        </Tip>
      ))}
      {hidden > 0 && (
        <button type="button" className={styles.reaction} onClick={() => setShowsAll(true)}>
          {t('message.moreReactions', { count: hidden })}
        </button>
      )}
    </div>
  )
}

function describe({ key, users }: Reaction, names: Names): string {
  const shown = users.slice(0, 10).map((user) => names.nameOf(user))
  if (users.length > 10) shown.push(`+${users.length - 10}`)
  return t('message.reactedWith', { names: formatList(shown), key })
}
