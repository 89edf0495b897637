/** The open room: header, timeline, who is typing, composer. Files can be dropped anywhere on it. */
import { type DragEvent, useCallback, useEffect, useMemo, useState } from 'react'
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { navigate, roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { formatList } from '../../i18n/format.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import type { AccountStorage } from '../../platform/account-storage.js'
import { Button } from '../../ui/button.js'
import { attempt } from './chat-actions.js'
import { Composer } from './composer/composer.js'
import { readDraft } from './composer/drafts.js'
import type { ChatDialog } from './dialogs/dialogs.js'
import { DirectNotice } from './direct-notice.js'
import { joinRoom } from './join-room.js'
import { markAllRead } from './mark-read.js'
import { type Names, useNames } from './names.js'
import { type PanelToggle, RoomHeader } from './room-header.js'
import styles from './room-view.module.css'
import { Timeline } from './timeline/timeline.js'
import type { MessageItem } from './timeline/timeline-items.js'
import { useRoomData } from './use-room.js'

/** What the composer is busy with besides new text. */
export type ComposerTask =
  | { kind: 'reply'; eventId: string; sender: string; preview: string }
  | { kind: 'edit'; item: MessageItem }

type RoomViewProps = {
  room: RoomSummaryRow
  eventId: string | undefined
  panel: PanelToggle
  onDialog: (dialog: ChatDialog) => void
}

export function RoomView({ room, eventId, panel, onDialog }: RoomViewProps) {
  const { storage } = useServices()
  const data = useRoomData(room.room_id)
  const names = useNames(data.members)
  const [task, setTask] = useState<ComposerTask | undefined>(() => draftedReply(storage, room.room_id))
  const [dropped, setDropped] = useState<File[]>([])
  const drop = useDrop(room.can.send && room.membership === 'join', setDropped)
  const editLast = useEditLast(setTask)
  const takeDropped = useCallback(() => setDropped([]), [])
  useEscapeMarksRead(room)

  return (
    <>
      <RoomHeader room={room} panel={panel} onDialog={onDialog} />
      <div className={styles.body} {...drop.handlers}>
        <Timeline
          room={room}
          data={data}
          names={names}
          eventId={eventId}
          onTask={setTask}
          onDialog={onDialog}
          onOwnMessages={editLast.remember}
        />
        {drop.isOver && <div className={styles.drop}>{t('composer.drop')}</div>}
      </div>
      {room.membership === 'join' ? (
        <div className={styles.foot}>
          <DirectNotice room={room} names={names} />
          <TypingLine data={data} names={names} />
          <Composer
            room={room}
            data={data}
            names={names}
            task={task}
            onTask={setTask}
            dropped={dropped}
            onDroppedTaken={takeDropped}
            onEditLast={editLast.start}
            onDialog={onDialog}
          />
        </div>
      ) : (
        <Gone room={room} />
      )}
    </>
  )
}

/** The reply a draft was part of; its author is looked up when the message is shown. */
function draftedReply(storage: AccountStorage, roomId: string): ComposerTask | undefined {
  const { replyTo } = readDraft(storage, roomId)
  return replyTo ? { kind: 'reply', eventId: replyTo, sender: '', preview: '' } : undefined
}

function TypingLine({ data, names }: { data: ReturnType<typeof useRoomData>; names: Names }) {
  const typing = useStore(data.typing.store, (byRoom) => byRoom.get(data.roomId))
  const people = typing?.map((userId) => names.nameOf(userId)) ?? []
  const text =
    people.length === 0
      ? ''
      : people.length === 1
        ? t('typing.one', { name: people[0]! })
        : people.length <= 3
          ? t('typing.several', { names: formatList(people) })
          : t('typing.many')
  return (
    <p className={styles.typing} aria-live="polite">
      {text}
    </p>
  )
}

function Gone({ room }: { room: RoomSummaryRow }) {
  const services = useServices()
  const { matrix } = services
  const forget = () =>
    attempt(async () => {
      await matrix.forgetRoom(room.room_id)
      navigate('/', 'replace')
    })
  const rejoin = () => attempt(async () => navigate(roomPath(await joinRoom(services, room.room_id)), 'replace'))
  return (
    <div className={styles.gone}>
      <span>{t(room.membership === 'ban' ? 'room.banned' : 'room.left')}</span>
      {room.membership === 'leave' && <Button onClick={rejoin}>{t('room.rejoin')}</Button>}
      <Button onClick={forget}>{t('room.forget')}</Button>
    </div>
  )
}

function useDrop(isAllowed: boolean, onFiles: (files: File[]) => void) {
  const [isOver, setIsOver] = useState(false)
  const hasFiles = (event: DragEvent) => isAllowed && event.dataTransfer.types.includes('Files')
  return {
    isOver,
    handlers: {
      onDragOver(event: DragEvent) {
        if (!hasFiles(event)) return
        event.preventDefault()
        setIsOver(true)
      },
      onDragLeave(event: DragEvent) {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false)
      },
      onDrop(event: DragEvent) {
        if (!hasFiles(event)) return
        event.preventDefault()
        setIsOver(false)
        onFiles([...event.dataTransfer.files])
      },
    },
  }
}

/** Up in an empty composer edits the last own message; the timeline says which that is. */
function useEditLast(onTask: (task: ComposerTask) => void) {
  return useMemo(() => {
    let last: MessageItem | undefined
    return {
      remember(item: MessageItem | undefined) {
        last = item
      },
      start() {
        if (last) onTask({ kind: 'edit', item: last })
      },
    }
  }, [onTask])
}

/** Escape marks the open room as read, unless something else took it (a popup, an edit, a dialog). */
function useEscapeMarksRead(room: RoomSummaryRow): void {
  const { matrix, live } = useServices()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return
      const data = live.openRoom(room.room_id)
      if (data) markAllRead(matrix, room, data.timeline.store.get())
    }
    window.addEventListener('keydown', onKey)
    return () => window.removeEventListener('keydown', onKey)
  }, [matrix, live, room])
}
