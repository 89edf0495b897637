/**
 * What the window and the main process say to each other: the whole list.
 *
 * The page never sees a channel name. The preload offers the named functions of `HearthBridge`;
 * `main/ipc/handlers.ts` checks the sender and the arguments of each call and answers with
 * `Answer`. From here the renderer takes types only.
 */

/** Every call's answer: a refusal is a value, not an exception that crossed a process. */
export type Answer<Value> = { ok: true; value: Value } | { ok: false; error: string }

/** Calls of the page, answered by main. */
export const calls = {
  readAppInfo: 'app:read-info',
  openLogsFolder: 'app:open-logs-folder',
  showNotification: 'notification:show',
  setBadge: 'badge:set',
  readSettings: 'settings:read',
  changeSettings: 'settings:change',
} as const

/** One-way messages. `livePort` carries exactly one port. */
export const messages = {
  connectLive: 'live:connect',
  livePort: 'live:port',
  navigate: 'page:navigate',
  resumed: 'page:resumed',
  serverLost: 'page:server-lost',
} as const

/** `data.type` of the window message with which the preload hands a live port to the page. */
export const livePortMessage = 'hearth:live-port'
export type LivePortMessage = { type: typeof livePortMessage; requestId: string }

/** What a live port carries besides frames (which are Uint8Arrays): the last message before it closes. */
export type LivePortClose = { close: { code: number; reason: string } }

/** What the page says on a live port besides frames: bytes of frames it has taken so far, in all. */
export type LivePortTaken = { taken: number }

export type AppInfo = {
  version: string
  platform: NodeJS.Platform
  dataDir: string
  /** Where keys are kept: the system's key store, a passphrase, or files only this account can read. */
  secretStore: 'system' | 'passphrase' | 'file'
  /** False for a build without a code signature; the About view says so. */
  isSigned: boolean
  /** Why the server is not running, as one sentence; undefined when it runs. */
  serverProblem: string | undefined
}

export type DesktopNotification = {
  /** At most 200 characters; longer ones are cut. */
  title: string
  /** Plain text, at most 500 characters; longer ones are cut. */
  body: string
  /** Path to show when it is clicked, e.g. `/room/!id`. */
  path: string
  /** A later notification with the same tag replaces this one. */
  tag: string
}

export type DesktopSettings = {
  startAtLogin: boolean
  /** Closing the window keeps the server running, with an icon in the tray. */
  keepRunning: boolean
  theme: 'system' | 'light' | 'dark'
}

/** `window.hearth`: what the preload offers the page. */
export type HearthBridge = {
  /** Asks for a live port; it arrives as a `LivePortMessage` window message with the same id. */
  connectLive(requestId: string): void
  readAppInfo(): Promise<Answer<AppInfo>>
  openLogsFolder(): Promise<Answer<undefined>>
  showNotification(notification: DesktopNotification): Promise<Answer<undefined>>
  /** @param count unread messages; 0 removes the badge */
  setBadge(count: number): Promise<Answer<undefined>>
  readSettings(): Promise<Answer<DesktopSettings>>
  changeSettings(changes: Partial<DesktopSettings>): Promise<Answer<DesktopSettings>>
  /** @returns a function that stops it */
  onNavigate(handler: (path: string) => void): () => void
  /** After the machine slept or its address changed: whatever was open may be dead. */
  onResumed(handler: () => void): () => void
  /** The server's process died: every live port is dead, and a port itself does not tell. */
  onServerLost(handler: () => void): () => void
}
