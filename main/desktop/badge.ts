/** Unread messages on the app's icon: a number on macOS and Linux, a dot and a flash on Windows. */
import { app, type BrowserWindow, nativeImage } from 'electron'
import dot from '../../assets/unread-dot.png?inline'

/** @returns sets the badge; 0 removes it */
export function makeBadge(window: () => BrowserWindow | undefined): (count: number) => void {
  let last = 0
  return (count) => {
    const hasMore = count > last
    last = count
    if (process.platform !== 'win32') {
      app.setBadgeCount(count)
      return
    }
    const shown = window()
    shown?.setOverlayIcon(
      count > 0 ? nativeImage.createFromDataURL(dot) : null,
      count > 0 ? `${count} unread messages` : '',
    )
    if (hasMore && shown && !shown.isFocused()) shown.flashFrame(true)
    if (count === 0) shown?.flashFrame(false)
  }
}
