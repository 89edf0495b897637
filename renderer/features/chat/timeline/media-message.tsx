/**
 * Pictures, videos, sounds and files. A picture's place is reserved from the sizes in the event, so
 * that nothing moves when it arrives; while it goes up, the local file is shown with its progress.
 */
import { Download, File, Mic, Music, Play, X } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useState } from 'react'
import { useServices } from '../../../app/services.js'
import { formatBytes } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { isUploaded } from '../../../platform/matrix/outbox.js'
import { useMedia } from '../../../platform/matrix/use-media.js'
import { Progress } from '../../../ui/bits.js'
import { IconButton } from '../../../ui/button.js'
import { attempt } from '../chat-actions.js'
import { formatClock, readVoice } from '../composer/voice.js'
import { fileNameOf, infoOf, sourceOf, thumbnailOf } from './media-source.js'
import styles from './message-body.module.css'
import { fitBox, mayBeSeenThrough } from './picture-box.js'
import type { MessageItem } from './timeline-items.js'

const Lightbox = lazy(() => import('./lightbox.js'))

function Frame({
  item,
  children,
  onOpen,
  label,
}: {
  item: MessageItem
  children: ReactNode
  onOpen?: () => void
  label: string
}) {
  const { w, h } = infoOf(item.content)
  const box = fitBox(w, h)
  const style = { width: box.width, aspectRatio: `${box.width} / ${box.height}` }
  const look = item.type === 'm.sticker' ? 'bare' : box.fit
  if (!onOpen)
    return (
      <div className={styles.media} style={style} data-fit={look}>
        {children}
      </div>
    )
  return (
    <button type="button" className={styles.media} style={style} data-fit={look} aria-label={label} onClick={onOpen}>
      {children}
    </button>
  )
}

export function ImageMessage({ item }: { item: MessageItem }) {
  const [isOpen, setIsOpen] = useState(false)
  const { content, echo } = item
  const info = infoOf(content)
  const name = fileNameOf(content)
  const isAnimated = info.mimetype === 'image/gif'
  const source = sourceOf(content)
  const thumbnail = thumbnailOf(content)
  const box = fitBox(info.w, info.h)
  const size = isAnimated ? undefined : ({ width: box.width * 2, height: box.height * 2, method: 'scale' } as const)
  // A server-made thumbnail of the picture itself; the sender's own where there is one.
  const media = useMedia(echo?.upload ? undefined : (thumbnail ?? source), thumbnail ? undefined : size)
  const url = echo?.upload?.previewUrl ?? media.url
  const alt = t('message.image', { name })
  return (
    <>
      <Frame item={item} label={`${t('message.open')}: ${name}`} {...(echo ? {} : { onOpen: () => setIsOpen(true) })}>
        {url && (
          <img
            className={mayBeSeenThrough(info.mimetype) ? styles.ground : undefined}
            src={url}
            alt={alt}
            draggable={false}
          />
        )}
        {!url && media.error !== undefined && <span className={styles.mediaNote}>{t('message.mediaFailed')}</span>}
        {echo?.upload && <UploadBar item={item} />}
      </Frame>
      {isOpen && source && (
        <Suspense fallback={null}>
          <Lightbox source={source} name={name} onClose={() => setIsOpen(false)} />
        </Suspense>
      )}
    </>
  )
}

function UploadBar({ item }: { item: MessageItem }) {
  const { outbox } = useServices()
  const { echo } = item
  if (!echo?.upload || echo.status === 'failed' || isUploaded(echo)) return null
  const name = fileNameOf(item.content)
  return (
    <span className={styles.upload}>
      <Progress value={echo.upload.progress} label={t('message.uploading', { name })} />
      <IconButton label={t('message.cancelUpload')} onClick={() => outbox.remove(echo.txnId)}>
        <X size={16} aria-hidden />
      </IconButton>
    </span>
  )
}

export function FileMessage({ item }: { item: MessageItem }) {
  const { matrix, outbox } = useServices()
  const { content, echo } = item
  const name = fileNameOf(content)
  const { size } = infoOf(content)
  const inside = (
    <>
      <File size={20} aria-hidden />
      <span className={styles.fileText}>
        <span className={styles.fileName}>{name}</span>
        {echo?.upload && !isUploaded(echo) && echo.status !== 'failed' ? (
          <Progress value={echo.upload.progress} label={t('message.uploading', { name })} />
        ) : (
          <span className={styles.fileSize}>{typeof size === 'number' ? formatBytes(size) : ''}</span>
        )}
      </span>
    </>
  )
  if (echo)
    return (
      <div className={styles.file}>
        {inside}
        <IconButton label={t('message.cancelUpload')} onClick={() => outbox.remove(echo.txnId)}>
          <X size={16} aria-hidden />
        </IconButton>
      </div>
    )
  return (
    <button
      type="button"
      className={styles.file}
      title={t('message.download', { name })}
      onClick={() => void attempt(() => matrix.media.save(sourceOf(content) ?? '', name))}
    >
      {inside}
      <Download size={16} role="img" aria-label={t('message.download', { name: '' })} />
    </button>
  )
}

/** How loud it was, from left to right. */
const Waveform = ({ heights }: { heights: readonly number[] }) =>
  heights.length > 0 && (
    <svg className={styles.waveform} viewBox={`0 0 ${heights.length * 3} 24`} preserveAspectRatio="none" aria-hidden>
      {heights.map((height, index) => (
        <rect
          key={String(index)}
          x={index * 3}
          y={12 - Math.max(1, height * 11)}
          width={2}
          height={2 * Math.max(1, height * 11)}
        />
      ))}
    </svg>
  )

/** Sound and video are fetched when they are played: they can be large. */
export function PlayableMessage({ item, kind }: { item: MessageItem; kind: 'audio' | 'video' }) {
  const [isPlaying, setIsPlaying] = useState(false)
  const { content, echo } = item
  const media = useMedia(isPlaying ? sourceOf(content) : undefined)
  const poster = useMedia(echo ? undefined : thumbnailOf(content))
  const name = fileNameOf(content)
  const voice = kind === 'audio' ? readVoice(content) : undefined
  if (echo || media.error !== undefined) return <FileMessage item={item} />
  if (kind === 'audio')
    return media.url ? (
      // biome-ignore lint/a11y/useMediaCaption: what people send has no captions
      <audio className={styles.audio} src={media.url} controls autoPlay aria-label={name} />
    ) : (
      <button type="button" className={styles.file} onClick={() => setIsPlaying(true)}>
        {voice ? <Mic size={20} aria-hidden /> : <Music size={20} aria-hidden />}
        {voice && <Waveform heights={voice.waveform} />}
        <span className={styles.fileText}>
          <span className={styles.fileName}>{voice ? t('voice.message') : name}</span>
          {voice?.durationMs !== undefined && <span className={styles.fileSize}>{formatClock(voice.durationMs)}</span>}
        </span>
        <Play size={16} aria-hidden />
      </button>
    )
  if (media.url)
    return (
      <Frame item={item} label={name}>
        {/* biome-ignore lint/a11y/useMediaCaption: what people send has no captions */}
        <video src={media.url} controls autoPlay aria-label={name} />
      </Frame>
    )
  return (
    <Frame item={item} label={name} onOpen={() => setIsPlaying(true)}>
      {poster.url && <img src={poster.url} alt="" draggable={false} />}
      <span className={styles.play}>
        <Play size={20} aria-hidden />
      </span>
    </Frame>
  )
}
