/** A picture or file for as long as a component shows it. */
import { useEffect, useState } from 'react'
import { useOptionalServices } from '../../app/services.js'
import type { ThumbnailSize } from './media.js'

export type ShownMedia = { url?: string; error?: unknown }

/** @returns nothing yet while it loads; `error` when it cannot be had */
export function useMedia(mxc: string | undefined, size?: ThumbnailSize): ShownMedia {
  const media = useOptionalServices()?.matrix.media
  const [shown, setShown] = useState<ShownMedia & { of?: string }>({})
  const key = mxc ? `${mxc} ${size?.width} ${size?.height} ${size?.method}` : ''
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for mxc and size
  useEffect(() => {
    const held = mxc ? media?.hold(mxc, size) : undefined
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
