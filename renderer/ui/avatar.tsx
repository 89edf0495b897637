/** Who or where: a picture, or the first letter on a ground of its own colour. People are round, rooms are not. */
import { t } from '../i18n/index.js'
import { useMedia } from '../platform/matrix/use-media.js'
import styles from './avatar.module.css'

type AvatarProps = {
  /** Gives the colour; a user or room ID. */
  id: string
  name: string
  /** mxc:// URL */
  mxc?: string | undefined
  /** Edge in CSS pixels. */
  size?: number
  kind?: 'person' | 'room'
  presence?: 'online' | 'unavailable' | 'offline' | undefined
}

/** Stable over sessions and people: everyone sees the same colour for an ID. */
function toneOf(id: string): number {
  let hash = 7
  for (const char of id) hash = (hash * 31 + char.codePointAt(0)!) >>> 0
  return hash % 12
}

// Making one costs more than all else here, and a list has hundreds of faces.
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** First letter or emoji of a name, whatever the script; sigils are skipped. */
export function initialOf(name: string): string {
  const stripped = name.replace(/^[@#!+\s]+/u, '')
  const [first] = segmenter.segment(stripped)
  return (first?.segment ?? '?').toLocaleUpperCase()
}

export function Avatar({ id, name, mxc, size = 36, kind = 'person', presence }: AvatarProps) {
  const media = useMedia(mxc, { width: size * 2, height: size * 2, method: 'crop' })
  const isShown = presence === 'online' || presence === 'unavailable'
  return (
    <span
      className={`${styles.avatar} ${styles[`tone${toneOf(id)}`]} ${kind === 'room' ? styles.room : ''}`}
      style={{ width: size, height: size, fontSize: Math.max(12, Math.round(size * 0.42)) }}
      aria-hidden={isShown ? undefined : true}
    >
      {media.url ? <img src={media.url} alt="" draggable={false} /> : <span aria-hidden>{initialOf(name)}</span>}
      {isShown && (
        <span
          className={`${styles.dot} ${styles[presence]}`}
          role="img"
          aria-label={t(presence === 'online' ? 'presence.online' : 'presence.unavailable')}
        />
      )}
    </span>
  )
}
