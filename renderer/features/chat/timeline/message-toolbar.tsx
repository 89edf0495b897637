/** What can be done with a message, shown on hover and focus. */
import { Copy, Ellipsis, Link, Pencil, Reply, SmilePlus, Trash2 } from 'lucide-react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { IconButton } from '../../../ui/button.js'
import { Menu, MenuItem, MenuSeparator } from '../../../ui/menu.js'
import { Popover } from '../../../ui/popover.js'
import { copyText } from '../chat-actions.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { linkToRoom } from '../matrix-links.js'
import { stripReplyFallback } from '../message-preview.js'
import type { ComposerTask } from '../room-view.js'
import styles from './message.module.css'
import { ReactionPicker } from './reaction-picker.js'
import { useToggleReaction } from './reactions.js'
import type { MessageItem } from './timeline-items.js'

type ToolbarProps = {
  item: MessageItem
  room: RoomSummaryRow
  can: { reply: boolean; edit: boolean; remove: boolean }
  onReply: () => void
  isReacting: boolean
  onReacting: (isReacting: boolean) => void
  onTask: (task: ComposerTask) => void
  onDialog: (dialog: ChatDialog) => void
}

export function MessageToolbar(props: ToolbarProps) {
  const { item, room, can, onReply, isReacting, onReacting, onTask, onDialog } = props
  const { session } = useServices()
  const toggle = useToggleReaction(item, room.room_id)
  const body = typeof item.content.body === 'string' ? stripReplyFallback(item.content.body) : ''
  return (
    <div className={styles.toolbar} role="toolbar" aria-label={t('message.actions')}>
      {can.reply && (
        <>
          <Popover
            label={t('message.react')}
            isOpen={isReacting}
            onOpenChange={onReacting}
            trigger={
              <IconButton label={t('message.react')} side="top">
                <SmilePlus size={16} aria-hidden />
              </IconButton>
            }
          >
            <ReactionPicker
              onPick={(emoji) => {
                toggle(emoji)
                onReacting(false)
              }}
            />
          </Popover>
          <IconButton label={t('message.reply')} side="top" onClick={onReply}>
            <Reply size={16} aria-hidden />
          </IconButton>
        </>
      )}
      {can.edit && (
        <IconButton label={t('message.edit')} side="top" onClick={() => onTask({ kind: 'edit', item })}>
          <Pencil size={16} aria-hidden />
        </IconButton>
      )}
      <Menu
        trigger={
          <IconButton label={t('message.more')} side="top">
            <Ellipsis size={16} aria-hidden />
          </IconButton>
        }
      >
        {body && (
          <MenuItem icon={<Copy size={16} aria-hidden />} onSelect={() => void copyText(body)}>
            {t('message.copyText')}
          </MenuItem>
        )}
        <MenuItem
          icon={<Link size={16} aria-hidden />}
          onSelect={() => void copyText(linkToRoom(room.room_id, [serverNameOf(session.userId)], item.eventId))}
        >
          {t('message.copyLink')}
        </MenuItem>
        {can.remove && (
          <>
            <MenuSeparator />
            <MenuItem
              icon={<Trash2 size={16} aria-hidden />}
              isDanger
              onSelect={() => onDialog({ kind: 'redact', roomId: room.room_id, eventId: item.eventId! })}
            >
              {t('message.remove')}
            </MenuItem>
          </>
        )}
      </Menu>
    </div>
  )
}
