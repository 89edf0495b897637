/** The body of a message by its kind: text, picture, file, sound, video, or why it cannot be shown. */
import { type MouseEvent, useEffect, useMemo, useRef } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { followMatrixLink } from '../chat-actions.js'
import { parseMatrixLink } from '../matrix-links.js'
import { stripReplyFallback } from '../message-preview.js'
import { LockedMessage } from './locked-message.js'
import { FileMessage, ImageMessage, PlayableMessage } from './media-message.js'
import quiet from './message.module.css'
import styles from './message-body.module.css'
import { plainTextHtml, sanitizeMessageHtml } from './message-html.js'
import { PollBody } from './poll.js'
import type { MessageItem } from './timeline-items.js'

export function MessageBody({ item, senderName }: { item: MessageItem; senderName: string }) {
  const { content } = item
  if (item.type === 'm.room.encrypted') return <LockedMessage secret={item.secret} />
  if (item.type === 'm.sticker') return <ImageMessage item={item} />
  if (item.type.endsWith('poll.start')) return <PollBody content={content} />
  switch (content.msgtype) {
    case 'm.text':
    case 'm.notice':
    case 'm.emote':
      return <TextBody content={content} senderName={senderName} />
    case 'm.image':
      return withCaption(item, <ImageMessage item={item} />)
    case 'm.video':
      return withCaption(item, <PlayableMessage item={item} kind="video" />)
    case 'm.audio':
      return withCaption(item, <PlayableMessage item={item} kind="audio" />)
    case 'm.file':
      return withCaption(item, <FileMessage item={item} />)
    default:
      if (typeof content.body === 'string') return <TextBody content={content} senderName={senderName} />
      return <p className={quiet.quiet}>{t('message.unsupported')}</p>
  }

  function withCaption(of: MessageItem, media: React.ReactNode) {
    const hasCaption = typeof of.content.filename === 'string' && of.content.filename !== of.content.body
    return (
      <>
        {media}
        {hasCaption && <TextBody content={of.content} senderName={senderName} />}
      </>
    )
  }
}

/** Up to three emoji and nothing else are shown large. */
function isOnlyEmoji(text: string): boolean {
  if (text.length > 40 || !/\p{Extended_Pictographic}/u.test(text)) return false
  if (!/^[\p{Extended_Pictographic}\p{Emoji_Component}\s]+$/u.test(text)) return false
  return [...new Intl.Segmenter().segment(text.replace(/\s/g, ''))].length <= 3
}

function TextBody({ content, senderName }: { content: Record<string, unknown>; senderName: string }) {
  const services = useServices()
  const ref = useRef<HTMLDivElement>(null)
  const body = typeof content.body === 'string' ? stripReplyFallback(content.body) : ''
  const formatted =
    content.format === 'org.matrix.custom.html' && typeof content.formatted_body === 'string'
      ? content.formatted_body
      : undefined
  const html = useMemo(
    () => (formatted === undefined ? plainTextHtml(body) : sanitizeMessageHtml(formatted)),
    [formatted, body],
  )
  useInlinePictures(ref, html)
  useEffect(() => {
    for (const pill of ref.current?.querySelectorAll<HTMLElement>('.pill[data-kind="user"]') ?? [])
      pill.classList.toggle('me', pill.dataset.userId === services.session.userId)
  })

  const onClick = (event: MouseEvent) => {
    if (!(event.target instanceof Element)) return
    const spoiler = event.target.closest('.spoiler')
    if (spoiler?.getAttribute('aria-expanded') === 'false') {
      spoiler.setAttribute('aria-expanded', 'true')
      event.preventDefault()
      return
    }
    const target = parseMatrixLink(event.target.closest('a')?.getAttribute('href') ?? '')
    if (!target) return
    event.preventDefault()
    followMatrixLink(services, target)
  }
  const isLarge = formatted === undefined && isOnlyEmoji(body.trim())
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the click is that of the links and spoilers inside
    <div
      ref={ref}
      dir="auto"
      className={[
        styles.text,
        formatted !== undefined && styles.html,
        content.msgtype === 'm.notice' && styles.notice,
        isLarge && styles.large,
        formatted === undefined && styles.plain,
      ]
        .filter(Boolean)
        .join(' ')}
      onClick={onClick}
      onKeyDown={(event) => {
        if (!(event.target instanceof HTMLElement) || !event.target.classList.contains('spoiler')) return
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        event.stopPropagation()
        event.target.click()
      }}
      // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitised in message-html.ts
      dangerouslySetInnerHTML={{ __html: content.msgtype === 'm.emote' ? withActor(html, senderName) : html }}
    />
  )
}

/** "* Ana waves" */
function withActor(html: string, name: string): string {
  const holder = document.createElement('span')
  holder.textContent = `* ${name} `
  return holder.outerHTML + html
}

/** Custom emoji and other pictures inside a message, loaded with the token. */
function useInlinePictures(ref: React.RefObject<HTMLDivElement | null>, html: string): void {
  const { matrix } = useServices()
  // biome-ignore lint/correctness/useExhaustiveDependencies: new HTML has new pictures
  useEffect(() => {
    const releases: (() => void)[] = []
    for (const image of ref.current?.querySelectorAll<HTMLImageElement>('img[data-mxc]') ?? []) {
      const held = matrix.media.hold(image.dataset.mxc ?? '', { width: 320, height: 320, method: 'scale' })
      if (!held) continue
      releases.push(held.release)
      held.url.then(
        (url) => {
          image.src = url
        },
        () => image.replaceWith(image.alt),
      )
    }
    return () => {
      for (const release of releases) release()
    }
  }, [ref, matrix, html])
}
