/** The chat: room list, the open room, and its panel where there is width for it (a sheet where not). */
import { MessageSquarePlus } from 'lucide-react'
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from 'react'
import { changePreferences, usePreferences } from '../../app/preferences.js'
import { navigate, roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { EmptyState } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import styles from './chat.module.css'
import { useDialogRequest } from './dialog-request.js'
import type { ChatDialog } from './dialogs/dialogs.js'
import { InvitePreview } from './invites.js'
import { useFollowPresence } from './presence.js'
import { ResizeHandle } from './resize-handle.js'
import { RoomList } from './room-list.js'
import { isSpace } from './room-order.js'
import { useSummary } from './use-room.js'

const Panel = lazy(() => import('./panel/panel.js'))
const RoomView = lazy(() => import('./room-view.js').then((module) => ({ default: module.RoomView })))
const SpaceView = lazy(() => import('./space-view.js'))
/** It comes by itself, and the server may be away just then: the chat goes on without it. */
const TrustBanner = lazy(() => import('./trust-banner.js').catch(() => ({ default: () => null })))
const Dialogs = lazy(() => import('./dialogs/dialogs.js'))

type ChatProps = { roomId: string | undefined; eventId: string | undefined }

export function Chat({ roomId, eventId }: ChatProps) {
  const { live, lastRoom, encryption } = useServices()
  const isAccountKnown = useStore(encryption.account, (account) => account !== undefined)
  const { listWidth, isPanelOpen } = usePreferences()
  const lastRoomId = useStore(lastRoom)
  const [dialog, setDialog] = useState<ChatDialog>()
  const isWide = useMedia('(min-width: 900px)')
  const isOneColumn = useMedia('(max-width: 639px)')
  const room = useSummary(roomId)
  const isLoaded = useStore(live.summaries, ({ rooms }) => rooms !== undefined)
  useFollowPresence()
  useDialogRequest(setDialog)
  useEffect(() => {
    if (!roomId) live.openRoom(undefined)
    else if (room?.membership === 'join') lastRoom.set(roomId)
  }, [live, lastRoom, roomId, room?.membership])
  useEffect(() => {
    // Beside the list there is always a room: the one that was open last.
    const last = lastRoomId ? live.summaries.get().rooms?.get(lastRoomId) : undefined
    if (!roomId && isLoaded && !isOneColumn && last?.membership === 'join') navigate(roomPath(last.room_id), 'replace')
  }, [roomId, isLoaded, isOneColumn, lastRoomId, live])

  const isInRoom = room !== undefined && room.membership !== 'invite' && room.membership !== 'knock'
  // Beside the room the panel is a habit and is remembered; as a sheet it is for this once.
  const [sheetOf, setSheetOf] = useState<string>()
  const showsPanel = isInRoom && (isWide ? isPanelOpen : sheetOf === roomId)
  const togglePanel = () =>
    isWide ? changePreferences({ isPanelOpen: !isPanelOpen }) : setSheetOf(sheetOf === roomId ? undefined : roomId)
  return (
    <div
      className={[styles.chat, roomId && styles.isRoom, showsPanel && isWide && styles.withPanel]
        .filter(Boolean)
        .join(' ')}
      style={{ '--list-width': `${listWidth}px` } as React.CSSProperties}
    >
      <aside className={styles.list} aria-label={t('rooms.list')}>
        {isAccountKnown && (
          <Suspense fallback={null}>
            <TrustBanner />
          </Suspense>
        )}
        <RoomList openRoomId={roomId} onDialog={setDialog} />
        <ResizeHandle />
      </aside>
      <section className={styles.room}>
        {isInRoom && isSpace(room) && (
          <Suspense fallback={null}>
            <SpaceView room={room} panel={{ isOpen: showsPanel, toggle: togglePanel }} onDialog={setDialog} />
          </Suspense>
        )}
        {isInRoom && !isSpace(room) && (
          <Suspense fallback={null}>
            <RoomView
              key={room.room_id}
              room={room}
              eventId={eventId}
              panel={{ isOpen: showsPanel, toggle: togglePanel }}
              onDialog={setDialog}
            />
          </Suspense>
        )}
        {room && !isInRoom && <InvitePreview room={room} />}
        {roomId && !room && isLoaded && <UnknownRoom roomId={roomId} />}
        {!roomId && isLoaded && <NoRoom onDialog={setDialog} />}
      </section>
      {showsPanel && (
        <Suspense fallback={isWide ? <aside className={styles.panel} /> : null}>
          {isWide ? (
            <aside className={styles.panel} aria-label={t('panel.info')}>
              <Panel room={room} onClose={togglePanel} onDialog={setDialog} />
            </aside>
          ) : (
            <Dialog kind="sheet" isFlush title={room.name} onClose={togglePanel}>
              <Panel room={room} onDialog={setDialog} />
            </Dialog>
          )}
        </Suspense>
      )}
      {dialog && (
        <Suspense fallback={null}>
          <Dialogs dialog={dialog} onClose={() => setDialog(undefined)} />
        </Suspense>
      )}
    </div>
  )
}

function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (onChange) => {
      const list = window.matchMedia(query)
      list.addEventListener('change', onChange)
      return () => list.removeEventListener('change', onChange)
    },
    () => window.matchMedia(query).matches,
  )
}

function NoRoom({ onDialog }: { onDialog: (dialog: ChatDialog) => void }) {
  const isNew = useStore(useServices().live.summaries, ({ rooms }) => (rooms?.size ?? 0) === 0)
  if (!isNew) {
    const [before, after] = t('chat.chooseText', { keys: '\u0000' }).split('\u0000')
    return (
      <EmptyState
        fills
        withMark
        title={t('chat.chooseTitle')}
        text={
          <span className={styles.keys}>
            {before}
            <kbd>Ctrl</kbd> <kbd>K</kbd>
            {after}
          </span>
        }
      />
    )
  }
  return (
    <EmptyState
      fills
      withMark
      title={t('chat.firstTitle')}
      text={t('chat.firstText')}
      action={
        <div className={styles.actions}>
          <Button variant="primary" onClick={() => onDialog({ kind: 'direct' })}>
            <MessageSquarePlus size={16} aria-hidden />
            {t('rooms.newChat')}
          </Button>
          <Button onClick={() => onDialog({ kind: 'create' })}>{t('rooms.newRoom')}</Button>
        </div>
      }
    />
  )
}

function UnknownRoom({ roomId }: { roomId: string }) {
  const services = useServices()
  const [isBusy, setIsBusy] = useState(false)
  const join = async () => {
    setIsBusy(true)
    const [{ attempt }, { joinRoom }] = await Promise.all([import('./chat-actions.js'), import('./join-room.js')])
    await attempt(async () => navigate(roomPath(await joinRoom(services, roomId)), 'replace'))
    setIsBusy(false)
  }
  return (
    <EmptyState
      fills
      title={t('chat.unknownRoom')}
      text={t('chat.unknownRoomText')}
      action={
        <div className={styles.actions}>
          <Button onClick={() => navigate('/')}>{t('common.back')}</Button>
          <Button variant="primary" disabled={isBusy} onClick={join}>
            {t('join.submit')}
          </Button>
        </div>
      }
    />
  )
}
