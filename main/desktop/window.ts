/** The one window: isolated, sandboxed, shown when painted, hidden rather than closed while the server stays. */
import { join } from 'node:path'
import { BrowserWindow, nativeTheme, screen } from 'electron'
import { messages } from '../ipc/contract.js'
import { appUrl } from '../policy.js'
import { firstSize, minimumSize, readWindowState, rememberWindowState } from './window-state.js'

export type MainWindow = {
  /** Brings it up, opening it again if it was closed. */
  show(): void
  /** The same, at a path of the page. A page that still loads is told when it has loaded. */
  navigate(path: string): void
  /** Sends to the page if there is one. */
  tell(channel: string): void
  current(): BrowserWindow | undefined
}

type Options = {
  preloadPath: string
  /** Folder for the remembered state. */
  desktopDir: string
  startsHidden: boolean
  allowDevTools: boolean
  spellcheck: boolean
  /** Called on close: true hides the window instead. */
  shouldHideOnClose(): boolean
}

// The page's own background, so that nothing flashes before it paints.
const background = () => (nativeTheme.shouldUseDarkColors ? '#1d1917' : '#faf7f4')

export function openMainWindow(options: Options): MainWindow {
  let window: BrowserWindow | undefined
  let pendingPath: string | undefined

  const open = (isShown: boolean): BrowserWindow => {
    const statePath = join(options.desktopDir, 'window.json')
    const state = readWindowState(
      statePath,
      screen.getAllDisplays().map((display) => display.workArea),
    )
    const opened = new BrowserWindow({
      ...(state?.bounds ?? firstSize),
      minWidth: minimumSize.width,
      minHeight: minimumSize.height,
      title: 'Hearth',
      show: false,
      backgroundColor: background(),
      webPreferences: {
        preload: options.preloadPath,
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webviewTag: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        devTools: options.allowDevTools,
        spellcheck: options.spellcheck,
      },
    })
    if (state?.isMaximized) opened.maximize()
    rememberWindowState(opened, statePath)
    opened.on('close', (event) => {
      if (!options.shouldHideOnClose()) return
      event.preventDefault()
      opened.hide()
    })
    opened.on('closed', () => {
      window = undefined
    })
    opened.once('ready-to-show', () => {
      if (isShown) opened.show()
    })
    opened.webContents.on('did-finish-load', () => {
      if (pendingPath) opened.webContents.send(messages.navigate, pendingPath)
      pendingPath = undefined
    })
    void opened.loadURL(appUrl)
    window = opened
    return opened
  }

  const show = () => {
    if (!window) return void open(true)
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
  }
  open(!options.startsHidden)

  return {
    show,
    navigate(path) {
      if (!window || window.webContents.isLoading()) pendingPath = path
      else window.webContents.send(messages.navigate, path)
      show()
    },
    tell: (channel) => window?.webContents.send(channel),
    current: () => window,
  }
}
