/** What the composer is busy with: an edit, or the message that is answered. */
import { X } from 'lucide-react'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import { IconButton } from '../../../ui/button.js'
import { previewOf } from '../message-preview.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import styles from './composer.module.css'

type TaskLineProps = { task: ComposerTask; names: Names; data: RoomData; onStop: () => void }

export function TaskLine({ task, names, data, onStop }: TaskLineProps) {
  const eventId = task.kind === 'reply' ? task.eventId : undefined
  const row = useStore(data.timeline.store, ({ timeline }) =>
    eventId ? timeline.rows.find((each) => each.event_id === eventId) : undefined,
  )
  const sender = task.kind === 'reply' ? (row?.sender ?? task.sender) : ''
  const preview = row ? previewOf(row.event_type, (row.event.content ?? {}) as Record<string, unknown>) : ''
  return (
    <div className={styles.task}>
      <p>
        {task.kind === 'edit' ? (
          <b>{t('composer.editing')}</b>
        ) : (
          <>
            <b>{t('composer.replying', { name: sender ? names.nameOf(sender) : '…' })}</b> {preview}
          </>
        )}
      </p>
      <IconButton label={t(task.kind === 'edit' ? 'composer.cancelEdit' : 'composer.cancelReply')} onClick={onStop}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  )
}
