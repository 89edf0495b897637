/** A picture or file for as long as a component shows it. */
import { useEffect, useState } from 'react'
import { useOptionalServices } from '../../app/services.js'
import { keyOfSource, type MediaSource, type ThumbnailSize } from './media.js'

export type ShownMedia = { url?: string; error?: unknown }

/** @returns nothing yet while it loads; `error` when it cannot be had */
export function useMedia(source: MediaSource | undefined, size?: ThumbnailSize): ShownMedia {
  const media = useOptionalServices()?.matrix.media
  const [shown, setShown] = useState<ShownMedia & { of?: string }>({})
  const key = source ? `${keyOfSource(source)} ${size?.width} ${size?.height} ${size?.method}` : ''
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for source and size
  useEffect(() => {
    const held = source ? media?.hold(source, size) : undefined
    if (!held) return
    let isWanted = true
    held.url.then(
      (url) => isWanted && setShown({ url, of: key }),
      (error: unknown) => isWanted && setShown({ error, of: key }),
    )
    return () => {
      isWanted = false
      held.release()
    }
  }, [media, key])
  return shown.of === key ? shown : {}
}
