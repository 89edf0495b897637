/** Reads new messages of others out, politely; not the history that is loaded. */
import { useEffect, useRef, useState } from 'react'
import { t } from '../../../i18n/index.js'
import { previewOf } from '../message-preview.js'
import type { Names } from '../names.js'
import type { MessageItem, TimelineItem } from './timeline-items.js'

export function Announcer({
  items,
  names,
  userId,
  isLive,
}: {
  items: readonly TimelineItem[]
  names: Names
  userId: string
  isLive: boolean
}) {
  const last = items.findLast((item): item is MessageItem => item.kind === 'message')
  const [text, setText] = useState('')
  const known = useRef(last?.seq)
  useEffect(() => {
    const isNew = last?.seq !== undefined && last.seq > (known.current ?? Number.POSITIVE_INFINITY)
    known.current = last?.seq ?? known.current
    if (!isNew || !isLive || last.sender === userId || last.redaction) return
    setText(t('timeline.announce', { name: names.nameOf(last.sender), text: previewOf(last.type, last.content) }))
  }, [last, names, userId, isLive])
  return (
    <p className="visually-hidden" aria-live="polite">
      {text}
    </p>
  )
}
