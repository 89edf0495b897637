/**
 * Electron for tests: only what main/ uses, strict where Electron is strict.
 *
 * Vitest puts it in the place of `electron`. Every class implements the part of Electron's own type
 * that it stands for, so that an upgrade which changes a signature fails the type check. What is not
 * here is undefined and lets the test crash; nothing is mocked silently.
 *
 * Strict: what must precede `ready` throws after it, what must follow it throws before; a second
 * handler on a channel throws; only ports are transferable; ports hold messages until `start()`;
 * messages and answers are cloned; `close` and quitting can be prevented.
 * Not modelled: Chromium's enforcement of any of it, timing, the operating system.
 */
import { EventEmitter } from 'node:events'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Electron from 'electron'

type Listener = (...given: never[]) => unknown
class CancelableEvent {
  defaultPrevented = false
  preventDefault(): void {
    this.defaultPrevented = true
  }
}
const only = <Value>(partial: unknown): Value => partial as Value

// ── app ────────────────────────────────────────────────────────────────────────────────────────

class FakeApp
  extends EventEmitter
  implements
    Pick<
      Electron.App,
      | 'isPackaged'
      | 'enableSandbox'
      | 'exit'
      | 'getPath'
      | 'getVersion'
      | 'quit'
      | 'relaunch'
      | 'requestSingleInstanceLock'
      | 'setAboutPanelOptions'
      | 'setAppLogsPath'
      | 'setAppUserModelId'
      | 'setAsDefaultProtocolClient'
      | 'setBadgeCount'
      | 'setLoginItemSettings'
      | 'setPath'
      | 'whenReady'
    >
{
  isPackaged = false
  isFirstInstance = true
  isSandboxed = false
  isReadyNow = false
  exitCode: number | undefined
  isRelaunching = false
  badge = 0
  loginItem: Electron.Settings | undefined
  about: Electron.AboutPanelOptionsOptions | undefined
  readonly schemes: string[] = []
  readonly paths = new Map<string, string>([['home', join(tmpdir(), 'home')]])
  #resolveReady = () => {}
  readonly #ready = new Promise<void>((resolve) => {
    this.#resolveReady = resolve
  })

  becomeReady(): void {
    this.isReadyNow = true
    this.#resolveReady()
    this.emit('ready')
  }
  requireBeforeReady(what: string): void {
    if (this.isReadyNow) throw new Error(`${what} must be called before the app is ready`)
  }
  requireReady(what: string): void {
    if (!this.isReadyNow) throw new Error(`${what} cannot be used before the app is ready`)
  }
  whenReady = () => this.#ready
  getVersion = () => '0.1.0'
  getPath(name: string): string {
    const path = this.paths.get(name)
    if (!path) throw new Error(`Failed to get '${name}' path`)
    return path
  }
  setPath(name: string, path: string): void {
    this.requireBeforeReady('setPath')
    if (!existsSync(path)) throw new Error('Failed to set path: the directory does not exist')
    this.paths.set(name, path)
  }
  setAppLogsPath(path?: string): void {
    this.paths.set('logs', path ?? '')
  }
  enableSandbox(): void {
    this.requireBeforeReady('enableSandbox')
    this.isSandboxed = true
  }
  requestSingleInstanceLock = () => this.isFirstInstance
  setAppUserModelId(): void {}
  setAsDefaultProtocolClient(scheme: string): boolean {
    this.schemes.push(scheme)
    return true
  }
  setBadgeCount(count = 0): boolean {
    this.badge = count
    return true
  }
  setLoginItemSettings(settings: Electron.Settings): void {
    this.loginItem = settings
  }
  setAboutPanelOptions(options: Electron.AboutPanelOptionsOptions): void {
    this.about = options
  }
  /** What the next start is given. */
  relaunchArgs: string[] | undefined
  relaunch(options?: Electron.RelaunchOptions): void {
    this.isRelaunching = true
    this.relaunchArgs = options?.args
  }
  quit(): void {
    const event = new CancelableEvent()
    this.emit('before-quit', event)
    if (event.defaultPrevented) return
    for (const window of [...BrowserWindow.all]) if (!window.close()) return
    this.emit('will-quit', new CancelableEvent())
    this.exit(0)
  }
  /** As in Electron: windows go without being asked, `before-quit` and `will-quit` are not emitted. */
  exit(code = 0): void {
    if (this.exitCode !== undefined) return
    this.exitCode = code
    BrowserWindow.all.clear()
    this.emit('quit', new CancelableEvent(), code)
  }
}
export const app = new FakeApp()

// ── ports ──────────────────────────────────────────────────────────────────────────────────────

export class MessagePortMain
  extends EventEmitter
  implements Pick<Electron.MessagePortMain, 'close' | 'postMessage' | 'start'>
{
  peer: MessagePortMain | undefined
  isClosed = false
  #isStarted = false
  #queue: { data: unknown; ports: MessagePortMain[] }[] = []

  postMessage(message: unknown, transfer: unknown[] = []): void {
    if (!transfer.every((each) => each instanceof MessagePortMain))
      throw new TypeError('Invalid value for transfer: only MessagePortMain can be transferred')
    if (this.isClosed || !this.peer) return
    const { peer } = this
    peer.#queue.push({ data: structuredClone(message), ports: transfer as MessagePortMain[] })
    queueMicrotask(() => peer.#deliver())
  }
  start(): void {
    this.#isStarted = true
    queueMicrotask(() => this.#deliver())
  }
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    const { peer } = this
    // What was posted before still arrives, then the other end learns of it.
    queueMicrotask(() => {
      if (!peer || peer.isClosed) return
      peer.#deliver()
      peer.isClosed = true
      peer.emit('close')
    })
  }
  #deliver(): void {
    if (!this.#isStarted) return
    for (const message of this.#queue.splice(0)) this.emit('message', message)
  }
}

export class MessageChannelMain {
  readonly port1 = new MessagePortMain()
  readonly port2 = new MessagePortMain()
  constructor() {
    this.port1.peer = this.port2
    this.port2.peer = this.port1
  }
}

// ── windows ────────────────────────────────────────────────────────────────────────────────────

type Frame = { url: string }
/** What main sent to a page. */
export type Sent = { channel: string; given: unknown[]; ports: MessagePortMain[] }

export class WebContents
  extends EventEmitter
  implements
    Pick<
      Electron.WebContents,
      | 'executeJavaScript'
      | 'isLoading'
      | 'postMessage'
      | 'reload'
      | 'replaceMisspelling'
      | 'send'
      | 'setWindowOpenHandler'
    >
{
  mainFrame: Frame = { url: '' }
  readonly session = defaultSession
  readonly sent: Sent[] = []
  reloads = 0
  isLoadingNow = false
  openHandler: ((details: { url: string }) => { action: string }) | undefined
  /** Answers `executeJavaScript`. */
  evaluate: (code: string) => unknown = () => {
    throw new Error('this page evaluates nothing')
  }

  send(channel: string, ...given: unknown[]): void {
    this.sent.push({ channel, given: structuredClone(given), ports: [] })
    this.emit('test:sent')
  }
  postMessage(channel: string, message: unknown, transfer: unknown[] = []): void {
    if (!transfer.every((each) => each instanceof MessagePortMain)) throw new TypeError('only ports are transferable')
    this.sent.push({ channel, given: [structuredClone(message)], ports: transfer as MessagePortMain[] })
    this.emit('test:sent')
  }
  isLoading = () => this.isLoadingNow
  reload(): void {
    this.reloads += 1
  }
  replaceMisspelling(): void {}
  setWindowOpenHandler(handler: unknown): void {
    this.openHandler = handler as typeof this.openHandler
  }
  executeJavaScript = async (code: string) => structuredClone(await this.evaluate(code))

  finishLoading(): void {
    this.isLoadingNow = false
    this.emit('did-finish-load')
  }
  /** Emits a navigation event as Chromium would; true when it was prevented. */
  navigate(event: 'will-navigate' | 'will-redirect' | 'will-frame-navigate', url: string): boolean {
    const details = Object.assign(new CancelableEvent(), { url })
    this.emit(event, details, url)
    return details.defaultPrevented
  }
}

export class BrowserWindow
  extends EventEmitter
  implements
    Pick<
      Electron.BrowserWindow,
      | 'flashFrame'
      | 'focus'
      | 'getNormalBounds'
      | 'hide'
      | 'isFocused'
      | 'isMaximized'
      | 'isMinimized'
      | 'loadURL'
      | 'maximize'
      | 'restore'
      | 'setOverlayIcon'
      | 'show'
    >
{
  static readonly all = new Set<BrowserWindow>()
  readonly webContents = new WebContents()
  isShown = false
  isFlashing = false
  overlay: { icon: unknown; description: string } | undefined
  #maximized = false
  #minimized = false

  constructor(readonly options: Electron.BrowserWindowConstructorOptions) {
    super()
    app.requireReady('BrowserWindow')
    BrowserWindow.all.add(this)
    app.emit('web-contents-created', new CancelableEvent(), this.webContents)
  }
  async loadURL(url: string): Promise<void> {
    this.webContents.mainFrame = { url }
    this.webContents.isLoadingNow = true
  }
  show(): void {
    this.isShown = true
    this.emit('show')
  }
  hide(): void {
    this.isShown = false
    this.emit('hide')
  }
  focus(): void {}
  isFocused = () => false
  maximize(): void {
    this.#maximized = true
  }
  isMaximized = () => this.#maximized
  minimize(): void {
    this.#minimized = true
  }
  isMinimized = () => this.#minimized
  restore(): void {
    this.#minimized = false
  }
  getNormalBounds = () => ({ x: 40, y: 50, width: 1000, height: 700 })
  setOverlayIcon(icon: unknown, description: string): void {
    this.overlay = { icon, description }
  }
  flashFrame(isOn: boolean): void {
    this.isFlashing = isOn
  }
  /** @returns whether it closed */
  close(): boolean {
    const event = new CancelableEvent()
    this.emit('close', event)
    if (event.defaultPrevented) return false
    BrowserWindow.all.delete(this)
    this.isShown = false
    this.emit('closed')
    if (BrowserWindow.all.size === 0) app.emit('window-all-closed')
    return true
  }
}

// ── IPC, protocol, session ─────────────────────────────────────────────────────────────────────

type Sender = { sender: WebContents; senderFrame: Frame | null }

class FakeIpcMain extends EventEmitter implements Pick<Electron.IpcMain, 'handle'> {
  readonly #handlers = new Map<string, (event: never, ...given: unknown[]) => unknown>()
  handle(channel: string, handler: (event: never, ...given: unknown[]) => unknown): void {
    if (this.#handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`)
    this.#handlers.set(channel, handler)
  }
  /** The page calls; the answer is what survives cloning. */
  async invoke(contents: WebContents, channel: string, given: unknown[], frame: Frame | null = contents.mainFrame) {
    const handler = this.#handlers.get(channel)
    if (!handler) throw new Error(`No handler registered for '${channel}'`)
    const event: Sender = { sender: contents, senderFrame: frame }
    return structuredClone(await handler(event as never, ...structuredClone(given)))
  }
  /** The page sends. */
  receive(contents: WebContents, channel: string, given: unknown[], frame: Frame | null = contents.mainFrame): void {
    this.emit(channel, { sender: contents, senderFrame: frame } satisfies Sender, ...structuredClone(given))
  }
}
export const ipcMain = new FakeIpcMain()

class FakeProtocol implements Pick<Electron.Protocol, 'handle' | 'registerSchemesAsPrivileged'> {
  privileged: Electron.CustomScheme[] = []
  readonly #handlers = new Map<string, (request: Request) => Response | Promise<Response>>()
  registerSchemesAsPrivileged(schemes: Electron.CustomScheme[]): void {
    app.requireBeforeReady('registerSchemesAsPrivileged')
    if (this.privileged.length > 0) throw new Error('registerSchemesAsPrivileged can be called only once')
    this.privileged = schemes
  }
  handle(scheme: string, handler: (request: Request) => Response | Promise<Response>): void {
    app.requireReady('protocol')
    if (this.#handlers.has(scheme)) throw new Error(`The scheme '${scheme}' has been registered`)
    this.#handlers.set(scheme, handler)
  }
  /** The page asks. A handler that rejects is the bug it would be in Electron. */
  async request(url: string, init?: RequestInit): Promise<Response> {
    const handler = this.#handlers.get(new URL(url).protocol.slice(0, -1))
    if (!handler) throw new Error(`no handler for ${url}`)
    return handler(new Request(url, init))
  }
}
export const protocol = new FakeProtocol()

class FakeSession
  implements
    Pick<
      Electron.Session,
      | 'addWordToSpellCheckerDictionary'
      | 'setDevicePermissionHandler'
      | 'setDisplayMediaRequestHandler'
      | 'setPermissionCheckHandler'
      | 'setPermissionRequestHandler'
      | 'setSpellCheckerEnabled'
    >
{
  onRequest: Listener | undefined
  onCheck: Listener | undefined
  onDevice: Listener | undefined
  onDisplayMedia: Listener | undefined
  isSpellChecked = true
  addWordToSpellCheckerDictionary = () => true
  setPermissionRequestHandler(handler: unknown): void {
    this.onRequest = handler as Listener
  }
  setPermissionCheckHandler(handler: unknown): void {
    this.onCheck = handler as Listener
  }
  setDevicePermissionHandler(handler: unknown): void {
    this.onDevice = handler as Listener
  }
  setDisplayMediaRequestHandler(handler: unknown): void {
    this.onDisplayMedia = handler as Listener
  }
  setSpellCheckerEnabled(isOn: boolean): void {
    this.isSpellChecked = isOn
  }
}
const defaultSession = new FakeSession()
export const session = {
  get defaultSession() {
    app.requireReady('session.defaultSession')
    return defaultSession
  },
}

// ── the system ─────────────────────────────────────────────────────────────────────────────────

class NativeImage implements Pick<Electron.NativeImage, 'addRepresentation' | 'setTemplateImage'> {
  isTemplate = false
  constructor(
    readonly dataUrl: string,
    readonly size: { width: number; height: number },
  ) {}
  resize = (size: { width?: number; height?: number }) =>
    new NativeImage(this.dataUrl, { width: size.width ?? this.size.width, height: size.height ?? this.size.height })
  addRepresentation(): void {}
  setTemplateImage(isTemplate: boolean): void {
    this.isTemplate = isTemplate
  }
}
export const nativeImage = {
  createFromDataURL(dataUrl: string): NativeImage {
    if (!dataUrl.startsWith('data:image/png;base64,')) throw new Error(`not a PNG data URL: ${dataUrl.slice(0, 40)}`)
    return new NativeImage(dataUrl, { width: 32, height: 32 })
  },
}

export class Tray extends EventEmitter implements Pick<Electron.Tray, 'setContextMenu' | 'setToolTip'> {
  static readonly all: Tray[] = []
  toolTip = ''
  menu: FakeMenu | undefined
  constructor(readonly image: NativeImage) {
    super()
    app.requireReady('Tray')
    Tray.all.push(this)
  }
  setToolTip(text: string): void {
    this.toolTip = text
  }
  setContextMenu(menu: unknown): void {
    this.menu = menu as FakeMenu
  }
}

type Template = Electron.MenuItemConstructorOptions[]
class FakeMenu implements Pick<Electron.Menu, 'popup'> {
  static application: FakeMenu | undefined
  static lastPopup: FakeMenu | undefined
  static buildFromTemplate = (template: Template) => new FakeMenu(template)
  static setApplicationMenu(menu: FakeMenu): void {
    FakeMenu.application = menu
  }
  constructor(readonly template: Template) {}
  popup(): void {
    FakeMenu.lastPopup = this
  }
  /** Clicks the item with that label, at any depth. */
  click(label: string, items: Template = this.template): boolean {
    return items.some((item) => {
      if (item.label === label && item.click) {
        ;(item.click as () => void)()
        return true
      }
      return Array.isArray(item.submenu) && this.click(label, item.submenu)
    })
  }
}

export { FakeMenu as Menu }

export class Notification extends EventEmitter implements Pick<Electron.Notification, 'close' | 'show'> {
  static readonly shown: Notification[] = []
  static isSupported = () => true
  static onActivation: (() => void) | undefined
  static handleActivation(handler: () => void): void {
    Notification.onActivation = handler
  }
  isOpen = false
  constructor(readonly options: Electron.NotificationConstructorOptions) {
    super()
    app.requireReady('Notification')
  }
  show(): void {
    this.isOpen = true
    Notification.shown.push(this)
  }
  close(): void {
    this.isOpen = false
    this.emit('close', new CancelableEvent())
  }
}

export const dialog = {
  errors: [] as string[],
  /** Answers of the next questions, by button; a question nobody expects throws. */
  answers: [] as number[],
  asked: [] as string[],
  showErrorBox(_title: string, content: string): void {
    dialog.errors.push(content)
  },
  showMessageBoxSync({ message }: Electron.MessageBoxSyncOptions): number {
    dialog.asked.push(message)
    const answer = dialog.answers.shift()
    if (answer === undefined) throw new Error(`nobody answers "${message}"`)
    return answer
  },
  async showMessageBox(options: Electron.MessageBoxOptions) {
    return { response: dialog.showMessageBoxSync(options), checkboxChecked: false }
  },
}

export const shell = {
  opened: [] as string[],
  async openExternal(url: string): Promise<void> {
    shell.opened.push(url)
  },
  async openPath(path: string): Promise<string> {
    shell.opened.push(path)
    return ''
  },
} satisfies Pick<Electron.Shell, 'openExternal' | 'openPath'> & { opened: string[] }

export const clipboard = {
  text: '',
  writeText(text: string): void {
    clipboard.text = text
  },
}

export const screen = {
  workAreas: [{ x: 0, y: 0, width: 1920, height: 1080 }],
  getAllDisplays() {
    app.requireReady('screen')
    return screen.workAreas.map((workArea) => only<Electron.Display>({ workArea }))
  },
}

export const nativeTheme: Pick<Electron.NativeTheme, 'themeSource' | 'shouldUseDarkColors'> = {
  themeSource: 'system',
  shouldUseDarkColors: false,
}

class FakePowerMonitor extends EventEmitter {
  override on(event: string, listener: (...given: unknown[]) => void): this {
    app.requireReady('powerMonitor')
    return super.on(event, listener)
  }
}
export const powerMonitor = new FakePowerMonitor()

export const crashReporter = {
  started: undefined as Electron.CrashReporterStartOptions | undefined,
  start(options: Electron.CrashReporterStartOptions): void {
    crashReporter.started = options
  },
} satisfies Pick<Electron.CrashReporter, 'start'> & { started: unknown }

/** Encrypts by reversing: enough to see that what is written is not what was given. */
class FakeSafeStorage
  implements
    Pick<
      Electron.SafeStorage,
      'decryptStringAsync' | 'encryptStringAsync' | 'getSelectedStorageBackend' | 'isAsyncEncryptionAvailable'
    >
{
  backend: ReturnType<Electron.SafeStorage['getSelectedStorageBackend']> = 'gnome_libsecret'
  isAvailable = true
  getSelectedStorageBackend() {
    return app.isReadyNow ? this.backend : 'unknown'
  }
  isAsyncEncryptionAvailable = async () => {
    app.requireReady('safeStorage')
    return this.isAvailable
  }
  encryptStringAsync = async (text: string) => {
    app.requireReady('safeStorage')
    if (!this.isAvailable) throw new Error('Encryption is not available')
    return Buffer.from([...text].reverse().join(''))
  }
  decryptStringAsync = async (sealed: Buffer) => ({
    result: [...sealed.toString()].reverse().join(''),
    shouldReEncrypt: false,
  })
}
export const safeStorage = new FakeSafeStorage()

// ── utility process ────────────────────────────────────────────────────────────────────────────

export class UtilityProcess extends EventEmitter implements Pick<Electron.UtilityProcess, 'kill' | 'postMessage'> {
  static readonly all: UtilityProcess[] = []
  readonly received: { message: unknown; ports: MessagePortMain[] }[] = []
  isRunning = true
  constructor(
    readonly path: string,
    readonly options: Electron.ForkOptions | undefined,
  ) {
    super()
    app.requireReady('utilityProcess')
    UtilityProcess.all.push(this)
  }
  postMessage(message: unknown, transfer: unknown[] = []): void {
    if (!transfer.every((each) => each instanceof MessagePortMain)) throw new TypeError('only ports are transferable')
    this.received.push({ message: structuredClone(message), ports: transfer as MessagePortMain[] })
    this.emit('test:received')
  }
  /** The child says something. */
  say(message: unknown): void {
    this.emit('message', structuredClone(message))
  }
  end(code: number): void {
    this.isRunning = false
    this.emit('exit', code)
  }
  kill(): boolean {
    this.end(15)
    return true
  }
}
export const utilityProcess = {
  fork: (path: string, _given?: string[], options?: Electron.ForkOptions) => new UtilityProcess(path, options),
}
