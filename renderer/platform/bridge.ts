/**
 * The one door from the page to whatever runs it: the desktop app or a browser.
 *
 * HTTP needs no door, its URLs are the same in both (`/_matrix/…`, `/_hearth/…`). What differs is
 * here: a live channel comes over a MessagePort in the desktop app and over a WebSocket otherwise;
 * notifications, badge and settings belong to the desktop where there is one.
 */
import type {
  Answer,
  AppInfo,
  DesktopNotification,
  DesktopSettings,
  HearthBridge,
  LivePortClose,
  LivePortMessage,
  LivePortTaken,
} from '../../main/ipc/contract.js'

declare global {
  interface Window {
    /** Present in the desktop app alone. */
    hearth?: HearthBridge
  }
}

/** One SurrealDB live connection as bytes: each message is a CBOR frame of its RPC protocol. */
export type LiveChannel = {
  post(bytes: Uint8Array): void
  /** At most one handler; frames that came before it is set are delivered to it in order. */
  onMessage(handler: (bytes: Uint8Array) => void): void
  /** Runs once. 4401 expired, 4403 logged out, 4408 too slow, 4429 limits, 1012 restart, 1006 lost. */
  onClose(handler: (code: number, reason: string) => void): void
  close(): void
}

export type Platform = {
  kind: 'desktop' | 'browser'
  /**
   * Opens a live channel; nothing is authenticated yet.
   *
   * @throws Error when none can be had within `timeoutMs` (server down or restarting): try again later
   */
  connectLive(timeoutMs?: number): Promise<LiveChannel>
  /** undefined in a browser. */
  readAppInfo(): Promise<AppInfo | undefined>
  /** Shows a notification; clicking it brings the window up and calls the `onNavigate` handlers. */
  showNotification(notification: DesktopNotification): Promise<void>
  setBadge(count: number): Promise<void>
  /** undefined in a browser. */
  readSettings(): Promise<DesktopSettings | undefined>
  changeSettings(changes: Partial<DesktopSettings>): Promise<DesktopSettings | undefined>
  openLogsFolder(): Promise<void>
  /** Deep links and clicked notifications. Returns a function that stops it. */
  onNavigate(handler: (path: string) => void): () => void
  /** The machine slept or came back online: check every connection. Returns a function that stops it. */
  onResumed(handler: () => void): () => void
}

/** Path of the live API; the subprotocol is the one SurrealDB's own clients ask for. */
const livePath = '/_hearth/live/rpc'
const liveSubprotocol = 'cbor'
const lost = 1006

/**
 * Frames and the close notice wait for their handlers, so that none is lost between opening and use.
 *
 * @param onTaken hears the bytes of each frame once its handler is done with it
 */
function channelEnds(onTaken: (bytes: number) => void = () => undefined) {
  let onFrame: ((bytes: Uint8Array) => void) | undefined
  let onClosed: ((code: number, reason: string) => void) | undefined
  const waiting: Uint8Array[] = []
  let closed: { code: number; reason: string } | undefined
  const hand = (handler: (bytes: Uint8Array) => void, bytes: Uint8Array) => {
    handler(bytes)
    onTaken(bytes.length)
  }
  return {
    isClosed: () => closed !== undefined,
    receive(bytes: Uint8Array) {
      if (onFrame) hand(onFrame, bytes)
      else waiting.push(bytes)
    },
    closeWith(code: number, reason: string) {
      if (closed) return
      closed = { code, reason }
      onClosed?.(code, reason)
    },
    onMessage(handler: (bytes: Uint8Array) => void) {
      onFrame = handler
      for (const bytes of waiting.splice(0)) hand(handler, bytes)
    },
    onClose(handler: (code: number, reason: string) => void) {
      onClosed = handler
      if (closed) handler(closed.code, closed.reason)
    },
  }
}

/** The server closes a port of which 8 MB are not taken; so often it hears of what is. */
const tellTakenEveryBytes = 65_536

/**
 * Exported for the test that runs it over a bare MessageChannel.
 *
 * @param onServerLost tells when the other end died; Chromium's ports have no event for it
 */
export function channelOverPort(port: MessagePort, onServerLost: HearthBridge['onServerLost']): LiveChannel {
  let taken = 0
  let told = 0
  const ends = channelEnds((bytes) => {
    taken += bytes
    if (taken - told < tellTakenEveryBytes) return
    told = taken
    const notice: LivePortTaken = { taken }
    port.postMessage(notice)
  })
  const stopWatching = onServerLost(() => end(lost, 'the server went away'))
  const end = (code: number, reason: string) => {
    stopWatching()
    port.close()
    ends.closeWith(code, reason)
  }
  port.addEventListener('message', ({ data }: MessageEvent<Uint8Array | LivePortClose>) => {
    if (data instanceof Uint8Array) ends.receive(data)
    else if (typeof data?.close?.code === 'number') end(data.close.code, String(data.close.reason))
  })
  port.start()
  return {
    post: (bytes) => {
      if (!ends.isClosed()) port.postMessage(bytes)
    },
    onMessage: ends.onMessage,
    onClose: ends.onClose,
    close: () => end(1000, ''),
  }
}

function connectOverPort(hearth: HearthBridge, timeoutMs: number): Promise<LiveChannel> {
  const requestId = crypto.randomUUID()
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer)
      window.removeEventListener('message', take)
    }
    const take = (event: MessageEvent<LivePortMessage | undefined>) => {
      const isOurs = event.source === window && event.data?.type === 'hearth:live-port'
      const [port] = event.ports
      if (!isOurs || event.data?.requestId !== requestId || !port) return
      settle()
      resolve(channelOverPort(port, hearth.onServerLost))
    }
    const timer = setTimeout(() => {
      settle()
      reject(new Error('the server gave no live channel in time'))
    }, timeoutMs)
    window.addEventListener('message', take)
    hearth.connectLive(requestId)
  })
}

function connectOverWebSocket(timeoutMs: number): Promise<LiveChannel> {
  const url = new URL(livePath, window.location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url, liveSubprotocol)
  socket.binaryType = 'arraybuffer'
  const ends = channelEnds()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.close(), timeoutMs)
    socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (typeof data !== 'string') ends.receive(new Uint8Array(data))
    })
    socket.addEventListener('close', ({ code, reason }) => {
      clearTimeout(timer)
      ends.closeWith(code, reason)
      reject(new Error('the server gave no live channel')) // no effect once it was open
    })
    socket.addEventListener('open', () => {
      clearTimeout(timer)
      resolve({
        post: (bytes) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(bytes as Uint8Array<ArrayBuffer>)
        },
        onMessage: ends.onMessage,
        onClose: ends.onClose,
        close: () => socket.close(1000),
      })
    })
  })
}

async function accepted<Value>(answer: Promise<Answer<Value>>): Promise<Value> {
  const settled = await answer
  if (!settled.ok) throw new Error(settled.error)
  return settled.value
}

const desktopPlatform = (hearth: HearthBridge): Platform => ({
  kind: 'desktop',
  connectLive: (timeoutMs = 5_000) => connectOverPort(hearth, timeoutMs),
  readAppInfo: () => accepted(hearth.readAppInfo()),
  showNotification: (notification) => accepted(hearth.showNotification(notification)),
  setBadge: (count) => accepted(hearth.setBadge(count)),
  readSettings: () => accepted(hearth.readSettings()),
  changeSettings: (changes) => accepted(hearth.changeSettings(changes)),
  openLogsFolder: () => accepted(hearth.openLogsFolder()),
  onNavigate: (handler) => hearth.onNavigate(handler),
  onResumed: (handler) => hearth.onResumed(handler),
})

/** The Badging API, which installed pages have in some browsers. */
type BadgingNavigator = { setAppBadge?(count: number): Promise<void> }

function browserPlatform(): Platform {
  const navigateHandlers = new Set<(path: string) => void>()
  return {
    kind: 'browser',
    connectLive: (timeoutMs = 5_000) => connectOverWebSocket(timeoutMs),
    readAppInfo: async () => undefined,
    async showNotification({ title, body, path, tag }) {
      if (!('Notification' in window) || Notification.permission !== 'granted') return
      const shown = new Notification(title, { body, tag })
      shown.onclick = () => {
        window.focus()
        for (const handler of navigateHandlers) handler(path)
      }
    },
    async setBadge(count) {
      await (navigator as BadgingNavigator).setAppBadge?.(count).catch(() => undefined) // refused where not installed
    },
    readSettings: async () => undefined,
    changeSettings: async () => undefined,
    openLogsFolder: async () => undefined,
    onNavigate(handler) {
      navigateHandlers.add(handler)
      return () => navigateHandlers.delete(handler)
    },
    onResumed(handler) {
      window.addEventListener('online', handler)
      return () => window.removeEventListener('online', handler)
    },
  }
}

/** The platform this page runs on. */
export const platform: Platform =
  typeof window !== 'undefined' && window.hearth ? desktopPlatform(window.hearth) : browserPlatform()
