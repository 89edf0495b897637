/** A picture at its full size, over the window; always dark, so that the picture is what is bright. */
import { Download, X, ZoomIn, ZoomOut } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import type { MediaSource } from '../../../platform/matrix/media.js'
import { useMedia } from '../../../platform/matrix/use-media.js'
import { IconButton } from '../../../ui/button.js'
import { attempt } from '../chat-actions.js'
import styles from './lightbox.module.css'
import { useZoom } from './use-zoom.js'

type LightboxProps = { source: MediaSource; name: string; onClose: () => void }

export default function Lightbox({ source, name, onClose }: LightboxProps) {
  const { matrix } = useServices()
  const media = useMedia(source)
  const ref = useRef<HTMLDialogElement>(null)
  const zoom = useZoom()
  useEffect(() => {
    ref.current?.showModal()
    ref.current?.focus() // not its first button, whose tooltip would open
  }, [])
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      className={styles.box}
      aria-label={name}
      onClose={onClose}
      onKeyDown={(event) => {
        event.stopPropagation()
        if (!event.ctrlKey && !event.metaKey && zoom.onKey(event)) event.preventDefault()
      }}
    >
      <div className={styles.frame}>
        <header className={styles.head}>
          <h2>
            <bdi>{name}</bdi>
          </h2>
          <IconButton label={t('message.zoomOut')} disabled={!zoom.isZoomed} onClick={zoom.zoomOut}>
            <ZoomOut size={18} aria-hidden />
          </IconButton>
          <IconButton label={t('message.zoomIn')} onClick={zoom.zoomIn}>
            <ZoomIn size={18} aria-hidden />
          </IconButton>
          <IconButton
            label={t('message.download', { name })}
            onClick={() => void attempt(() => matrix.media.save(source, name))}
          >
            <Download size={18} aria-hidden />
          </IconButton>
          <IconButton label={t('common.close')} onClick={onClose}>
            <X size={18} aria-hidden />
          </IconButton>
        </header>
        <div className={styles.picture} data-zoomed={zoom.isZoomed || undefined} {...zoom.handlers}>
          {media.url && (
            <img
              src={media.url}
              alt={t('message.image', { name })}
              draggable={false}
              style={{ transform: `translate(${zoom.view.x}px, ${zoom.view.y}px) scale(${zoom.view.scale})` }}
            />
          )}
          {media.error !== undefined && <p>{t('message.mediaFailed')}</p>}
          {!media.url && media.error === undefined && <p role="status">{t('common.loading')}</p>}
        </div>
      </div>
    </dialog>
  )
}
