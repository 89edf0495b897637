/**
 * Answers the page's calls. A sender that is not our page's main frame gets a refusal, arguments
 * are parsed before anything happens, and whatever goes wrong becomes `{ ok: false }`.
 */
import { type IpcMainEvent, type IpcMainInvokeEvent, ipcMain, MessageChannelMain } from 'electron'
import { isPagePath, isTrustedSender } from '../policy.js'
import {
  type Answer,
  type AppInfo,
  calls,
  type DesktopNotification,
  type DesktopSettings,
  type LivePortClose,
  messages,
} from './contract.js'

/** What the handlers may touch. */
export type Needs = {
  readAppInfo(): Promise<AppInfo>
  openLogsFolder(): Promise<undefined>
  showNotification(notification: DesktopNotification): void
  setBadge(count: number): void
  readSettings(): DesktopSettings
  changeSettings(changes: Partial<DesktopSettings>): DesktopSettings
  parseSettings(value: unknown): Partial<DesktopSettings> | undefined
  connectLive(port: Electron.MessagePortMain): Promise<void>
}

class BadArguments extends Error {}

export function answerCalls(needs: Needs): void {
  answer(calls.readAppInfo, () => needs.readAppInfo())
  answer(calls.openLogsFolder, () => needs.openLogsFolder())
  answer(calls.readSettings, () => needs.readSettings())
  answer(calls.showNotification, (given) => {
    needs.showNotification(parseNotification(given))
    return undefined
  })
  answer(calls.setBadge, (given) => {
    if (!Number.isInteger(given) || Number(given) < 0) throw new BadArguments('the badge is a count')
    needs.setBadge(Number(given))
    return undefined
  })
  answer(calls.changeSettings, (given) => {
    const changes = needs.parseSettings(given)
    if (!changes) throw new BadArguments('unknown setting')
    return needs.changeSettings(changes)
  })
  ipcMain.on(messages.connectLive, (event, requestId: unknown) => {
    if (!isFromOurPage(event) || typeof requestId !== 'string' || requestId.length > 64) return
    const { port1, port2 } = new MessageChannelMain()
    event.sender.postMessage(messages.livePort, requestId, [port2])
    needs.connectLive(port1).catch(() => {
      const notice: LivePortClose = { close: { code: 1011, reason: 'the server refused the channel' } }
      port1.postMessage(notice)
      port1.close()
    })
  })
}

function answer<Value>(channel: string, handle: (given: unknown) => Value | Promise<Value>): void {
  ipcMain.handle(channel, async (event, given: unknown): Promise<Answer<Value>> => {
    if (!isFromOurPage(event)) return { ok: false, error: 'not for this page' }
    try {
      return { ok: true, value: await handle(given) }
    } catch (error) {
      return { ok: false, error: (error as Error).message }
    }
  })
}

const isFromOurPage = ({ senderFrame, sender }: IpcMainEvent | IpcMainInvokeEvent) =>
  isTrustedSender(senderFrame, sender.mainFrame)

function parseNotification(given: unknown): DesktopNotification {
  const { title, body, path, tag } = (given ?? {}) as Partial<Record<keyof DesktopNotification, unknown>>
  if (typeof title !== 'string' || typeof body !== 'string' || typeof tag !== 'string' || !isPagePath(path))
    throw new BadArguments('a notification has title, body, path and tag')
  return { title, body, path, tag: tag.slice(0, 200) }
}
