/**
 * A live channel over an Electron MessagePort: the server's end of what `renderer/platform/bridge.ts` opens.
 *
 * Frames travel as Uint8Arrays and are copied. The last message names the close code, because a
 * port's own `close` event carries none. A port tells nothing of what is read at its other end, so the page
 * says now and then how many bytes it has taken, and the difference counts as buffered.
 */
import type { Channel } from '../server/live/channel.js'
import type { LivePortClose, LivePortTaken } from './ipc/contract.js'

/** What is used of Electron's MessagePortMain; tests run it over other ports. */
export type Port = {
  on(event: 'message', listener: (message: { data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
  start(): void
  postMessage(message: unknown): void
  close(): void
}

const protocolError = 1003

export function channelOverPort(port: Port): Channel {
  let onMessage: ((bytes: Uint8Array) => void) | undefined
  let onClose: (() => void) | undefined
  let isClosed = false
  let postedBytes = 0
  let takenBytes = 0
  const waiting: Uint8Array[] = []

  const ended = () => {
    if (isClosed) return
    isClosed = true
    onClose?.()
  }
  const close = (code = 1000, reason = '') => {
    if (isClosed) return
    const notice: LivePortClose = { close: { code, reason } }
    port.postMessage(notice)
    port.close()
    ended()
  }
  port.on('message', ({ data }) => {
    if (isClosed) return
    if (isTaken(data)) takenBytes = Math.min(postedBytes, Math.max(takenBytes, data.taken))
    else if (!(data instanceof Uint8Array)) close(protocolError, 'only binary frames')
    else if (onMessage) onMessage(data)
    else waiting.push(data)
  })
  port.on('close', ended)
  port.start()

  return {
    peer: { kind: 'window' },
    post(bytes) {
      if (isClosed) return
      postedBytes += bytes.length
      port.postMessage(bytes)
    },
    get bufferedBytes() {
      return postedBytes - takenBytes
    },
    onMessage(handler) {
      onMessage = handler
      for (const bytes of waiting.splice(0)) handler(bytes)
    },
    onClose(handler) {
      onClose = handler
      if (isClosed) handler()
    },
    close,
  }
}

const isTaken = (data: unknown): data is LivePortTaken =>
  typeof data === 'object' && data !== null && Number.isFinite((data as Partial<LivePortTaken>).taken)
