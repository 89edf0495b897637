/**
 * The preload: named functions for the page, and nothing else.
 *
 * It runs sandboxed, so it is built into one CommonJS file that requires only electron. A
 * MessagePort cannot cross the context bridge; it is posted to the page's own window instead, which
 * takes it only from itself.
 */
import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron'
import { calls, type HearthBridge, type LivePortMessage, livePortMessage, messages } from './ipc/contract.js'

function on<Given extends unknown[]>(channel: string, handler: (...given: Given) => void): () => void {
  // The event object stays here: it would hand the page `sender`, that is, every channel.
  const listener = (_event: IpcRendererEvent, ...given: unknown[]) => handler(...(given as Given))
  ipcRenderer.on(channel, listener)
  return () => ipcRenderer.removeListener(channel, listener)
}

const bridge: HearthBridge = {
  connectLive: (requestId) => ipcRenderer.send(messages.connectLive, requestId),
  readAppInfo: () => ipcRenderer.invoke(calls.readAppInfo),
  openLogsFolder: () => ipcRenderer.invoke(calls.openLogsFolder),
  showNotification: (notification) => ipcRenderer.invoke(calls.showNotification, notification),
  setBadge: (count) => ipcRenderer.invoke(calls.setBadge, count),
  readSettings: () => ipcRenderer.invoke(calls.readSettings),
  changeSettings: (changes) => ipcRenderer.invoke(calls.changeSettings, changes),
  onNavigate: (handler) => on<[string]>(messages.navigate, (path) => handler(path)),
  onResumed: (handler) => on<[]>(messages.resumed, () => handler()),
  onServerLost: (handler) => on<[]>(messages.serverLost, () => handler()),
}

ipcRenderer.on(messages.livePort, (event, requestId: string) => {
  const message: LivePortMessage = { type: livePortMessage, requestId }
  window.postMessage(message, window.location.origin, event.ports)
})

contextBridge.exposeInMainWorld('hearth', bridge)
