/** What a message answers, in one line; pressing it goes there. */
import { useEffect, useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import type { ClientEvent } from '../../../platform/matrix/events.js'
import { previewOf } from '../message-preview.js'
import type { Names } from '../names.js'
import styles from './message.module.css'
import { useClearEvent } from './use-clear-event.js'

type Quoted = { sender: string; type: string; content: Record<string, unknown> }
type QuoteProps = { eventId: string; roomId: string; data: RoomData; names: Names; onShow: (eventId: string) => void }

export function Quote({ eventId, roomId, data, names, onShow }: QuoteProps) {
  const quoted = useQuoted(eventId, roomId, data)
  const text = quoted && Object.keys(quoted.content).length > 0 ? previewOf(quoted.type, quoted.content) : ''
  return (
    <button type="button" className={styles.quote} onClick={() => onShow(eventId)}>
      {quoted ? (
        <>
          <b>{names.nameOf(quoted.sender)}</b>
          <span>{text || t('message.deleted')}</span>
        </>
      ) : (
        <span>{t('message.replyGone')}</span>
      )}
    </button>
  )
}

/** The loaded row, else the event from the server; undefined while it is not known. */
function useQuoted(eventId: string, roomId: string, data: RoomData): Quoted | undefined {
  const { matrix } = useServices()
  const row = useStore(data.timeline.store, ({ timeline }) => timeline.rows.find((each) => each.event_id === eventId))
  const [fetched, setFetched] = useState<ClientEvent>()
  const isLoaded = row !== undefined
  const clear = useClearEvent(roomId, fetched)
  useEffect(() => {
    if (isLoaded) return
    let isWanted = true
    matrix.readEvent(roomId, eventId).then(
      (event) => isWanted && setFetched(event),
      () => undefined, // not visible or gone: the line says so
    )
    return () => {
      isWanted = false
    }
  }, [isLoaded, matrix, roomId, eventId])
  if (row) return { sender: row.sender, type: row.event_type, content: (row.event.content ?? {}) as Quoted['content'] }
  return clear
}
