/** One message: who and when, what it answers, the body, its state, reactions, who has read it, what can be done. */
import { type KeyboardEvent, memo, useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { isolate } from '../../../i18n/bidi.js'
import { formatDateTime, formatList, formatTime, formatTimeShort, isoTimeOf } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { explainError } from '../../../platform/matrix/errors.js'
import type { OutboxItem } from '../../../platform/matrix/outbox.js'
import { Avatar } from '../../../ui/avatar.js'
import { Tip } from '../../../ui/tip.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { previewOf } from '../message-preview.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import { SenderWarning } from './locked-message.js'
import styles from './message.module.css'
import { MessageBody } from './message-body.js'
import { MessageToolbar } from './message-toolbar.js'
import { Quote } from './quote.js'
import { Reactions } from './reactions.js'
import type { MessageItem } from './timeline-items.js'

export type MessageProps = {
  item: MessageItem
  room: RoomSummaryRow
  names: Names
  data: RoomData
  isTabStop: boolean
  onTask: (task: ComposerTask) => void
  onDialog: (dialog: ChatDialog) => void
  onShow: (eventId: string) => void
}

const mostReaders = 3

export const Message = memo(function Message(props: MessageProps) {
  const { item, room, names, data, isTabStop, onTask, onDialog, onShow } = props
  const { session } = useServices()
  const [isActive, setIsActive] = useState(false)
  const [isReacting, setIsReacting] = useState(false)
  const isOwn = item.sender === session.userId
  const name = names.nameOf(item.sender)
  const can = {
    reply: room.can.send && room.membership === 'join' && item.eventId !== undefined && !item.redaction,
    edit: isOwn && room.can.send && item.eventId !== undefined && !item.redaction && item.content.msgtype === 'm.text',
    remove: item.eventId !== undefined && !item.redaction && (isOwn || room.can.redact),
  }

  const reply = () =>
    onTask({ kind: 'reply', eventId: item.eventId!, sender: item.sender, preview: previewOf(item.type, item.content) })
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'r' && can.reply) reply()
    else if (event.key === 'e' && can.edit) onTask({ kind: 'edit', item })
    else if (event.key === '+' && can.reply) setIsReacting(true)
    else if (event.key === 'Delete' && can.remove)
      onDialog({ kind: 'redact', roomId: room.room_id, eventId: item.eventId! })
    else return
    event.preventDefault()
  }

  return (
    <article
      className={[styles.message, item.isGroupStart && styles.groupStart, stateClass(item.echo)]
        .filter(Boolean)
        .join(' ')}
      data-key={item.key}
      data-event-id={item.eventId}
      tabIndex={isTabStop ? 0 : -1}
      aria-label={`${isolate(name)}, ${formatTime(item.ts)}`}
      onKeyDown={onKeyDown}
      onMouseEnter={() => setIsActive(true)}
      onMouseLeave={() => setIsActive(false)}
      onFocus={() => setIsActive(true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setIsActive(false)
      }}
    >
      <div className={styles.side}>
        {item.isGroupStart ? (
          <Avatar id={item.sender} name={name} mxc={names.avatarOf(item.sender)} size={36} />
        ) : (
          <time className={styles.sideTime} aria-hidden>
            {formatTimeShort(item.ts)}
          </time>
        )}
      </div>
      <div className={styles.content}>
        {item.isGroupStart && (
          <header className={styles.head}>
            <span className={styles.sender} title={item.sender}>
              {name}
            </span>
            <time className={styles.time} dateTime={isoTimeOf(item.ts)} title={formatDateTime(item.ts)}>
              {formatTime(item.ts)}
            </time>
          </header>
        )}
        {item.replyTo && !item.redaction && (
          <Quote eventId={item.replyTo} roomId={room.room_id} data={data} names={names} onShow={onShow} />
        )}
        <div className={styles.body}>
          {item.redaction ? <Deleted item={item} names={names} /> : <MessageBody item={item} senderName={name} />}
          {item.secret?.kind === 'clear' && item.secret.warning && <SenderWarning warning={item.secret.warning} />}
          {item.versions.length > 0 && !item.redaction && (
            <button
              type="button"
              className={styles.edited}
              title={t('message.editedAt', { time: formatDateTime(item.editedTs ?? item.ts) })}
              onClick={() => onDialog({ kind: 'versions', item })}
            >
              ({t('message.edited')})
            </button>
          )}
        </div>
        {item.echo && <EchoState echo={item.echo} />}
        {item.reactions.length > 0 && <Reactions item={item} room={room} names={names} />}
      </div>
      {item.readers.length > 0 && <Readers readers={item.readers} names={names} />}
      {(isActive || isReacting) && item.eventId && !item.redaction && (
        <MessageToolbar
          item={item}
          room={room}
          can={can}
          onReply={reply}
          isReacting={isReacting}
          onReacting={setIsReacting}
          onTask={onTask}
          onDialog={onDialog}
        />
      )}
    </article>
  )
})

function stateClass(echo: OutboxItem | undefined): string | undefined {
  if (!echo) return undefined
  return echo.status === 'failed' ? styles.failed : styles.waiting
}

function Deleted({ item, names }: { item: MessageItem; names: Names }) {
  const { by, reason, ts } = item.redaction ?? {}
  const name = by && by !== item.sender ? names.nameOf(by) : undefined
  const text = name
    ? reason
      ? t('message.deletedReason', { name, reason })
      : t('message.deletedBy', { name })
    : t('message.deleted')
  return (
    <p className={styles.quiet} title={ts ? formatDateTime(ts) : undefined}>
      {text}
    </p>
  )
}

/** Dim says "sending"; words come only when it takes long or went wrong. */
function EchoState({ echo }: { echo: OutboxItem }) {
  const { outbox } = useServices()
  if (echo.status === 'failed')
    return (
      <p className={`${styles.state} ${styles.bad}`} role="alert">
        {t('message.failed', { reason: echo.error ? explainError(echo.error) : '' })}
        <button type="button" className={styles.link} onClick={() => outbox.retry(echo.txnId)}>
          {t('message.retry')}
        </button>
        <button type="button" className={styles.link} onClick={() => outbox.remove(echo.txnId)}>
          {t('message.delete')}
        </button>
      </p>
    )
  if (echo.status === 'waiting' && echo.error !== undefined)
    return (
      <p className={styles.state}>
        {t('message.waiting')}
        <button type="button" className={styles.link} onClick={() => outbox.remove(echo.txnId)}>
          {t('message.delete')}
        </button>
      </p>
    )
  return <span className="visually-hidden">{t('message.sending')}</span>
}

function Readers({ readers, names }: { readers: string[]; names: Names }) {
  const people = readers.slice(0, 12).map((reader) => names.nameOf(reader))
  const label = t('message.seenBy', { names: formatList(people) })
  return (
    <div className={styles.readers}>
      <Tip text={label} side="top">
        <span role="img" aria-label={label}>
          {readers.slice(0, mostReaders).map((reader) => (
            <Avatar key={reader} id={reader} name={names.nameOf(reader)} mxc={names.avatarOf(reader)} size={16} />
          ))}
          {readers.length > mostReaders && <small>+{readers.length - mostReaders}</small>}
        </span>
      </Tip>
    </div>
  )
}
