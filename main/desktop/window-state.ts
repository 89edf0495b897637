/**
 * Where the window was: a small JSON file, used again only if that place is still on a screen.
 *
 * Electron 45 has such a thing built in, as an experiment; this does not depend on it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import type { BrowserWindow, Rectangle } from 'electron'

export type WindowState = { bounds: Rectangle; isMaximized: boolean }

export const firstSize = { width: 1280, height: 840 }
export const minimumSize = { width: 360, height: 480 }
/** How much of the title bar must be on a screen for the place to be usable, in pixels. */
const grip = { width: 120, height: 40 }

/** undefined when there is none, or it is not on any of the screens any more. */
export function readWindowState(path: string, screens: readonly Rectangle[]): WindowState | undefined {
  try {
    const { bounds, isMaximized } = JSON.parse(readFileSync(path, 'utf8')) as Partial<WindowState>
    if (!bounds || ![bounds.x, bounds.y, bounds.width, bounds.height].every(Number.isInteger)) return undefined
    if (bounds.width < minimumSize.width || bounds.height < minimumSize.height) return undefined
    return screens.some((screen) => isReachable(bounds, screen))
      ? { bounds, isMaximized: isMaximized === true }
      : undefined
  } catch {
    return undefined
  }
}

function isReachable(window: Rectangle, screen: Rectangle): boolean {
  const width = Math.min(window.x + window.width, screen.x + screen.width) - Math.max(window.x, screen.x)
  return width >= grip.width && window.y >= screen.y && window.y + grip.height <= screen.y + screen.height
}

/** Writes the state whenever the window is closed or hidden. */
export function rememberWindowState(window: BrowserWindow, path: string): void {
  const write = () => {
    const state: WindowState = { bounds: window.getNormalBounds(), isMaximized: window.isMaximized() }
    try {
      writeFileSync(path, JSON.stringify(state))
    } catch {
      // a full or read-only disk must not keep the window from closing
    }
  }
  window.on('close', write)
  window.on('hide', write)
}
