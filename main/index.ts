/**
 * The desktop app's life: before ready, ready, quit. What each part does is in desktop/, what is
 * allowed in policy.ts.
 *
 * Everything that must precede `ready` happens in the synchronous top level of this module, with
 * no await before it.
 */
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { app, dialog, nativeTheme, session, shell } from 'electron'
import type { HomeserverConfig } from '../server/kernel/config.js'
import { dataDirLayout } from '../server/kernel/data-dir.js'
import { createLogger } from '../server/kernel/logger.js'
import { type CommandLine, readCommandLine } from './command-line.js'
import { registerAppScheme, serveApp } from './desktop/app-protocol.js'
import { makeBadge } from './desktop/badge.js'
import { offerContextMenu } from './desktop/context-menu.js'
import { recoverFromCrashes } from './desktop/crash-recovery.js'
import { type Links, listenForLinks } from './desktop/deep-links.js'
import { guardPermissions, guardWebContents } from './desktop/guards.js'
import { startInProcessServer } from './desktop/in-process-server.js'
import { setStartAtLogin } from './desktop/login-item.js'
import { setAppMenu } from './desktop/menu.js'
import { makeNotifications } from './desktop/notifications.js'
import { watchPower } from './desktop/power.js'
import { quitInOrder } from './desktop/quit.js'
import { relaunchWhenUnusable, tellProblem } from './desktop/relaunch.js'
import { chooseDesktopSecretBox } from './desktop/secrets.js'
import { openSettings, parseSettings, type SettingsFile } from './desktop/settings.js'
import { runSmoke } from './desktop/smoke.js'
import { openTray } from './desktop/tray.js'
import { lookForUpdates } from './desktop/updates.js'
import { startUtilityServer } from './desktop/utility-server.js'
import { openMainWindow } from './desktop/window.js'
import { messages } from './ipc/contract.js'
import { answerCalls } from './ipc/handlers.js'
import { openRotatingLog } from './rotating-log.js'
import { describeStartFailure, loadConfig } from './start-server.js'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** @throws ConfigError */
function prepare(): { commandLine: CommandLine; config: HomeserverConfig } {
  const commandLine = readCommandLine(process.argv.slice(1), true)
  const config = loadConfig(commandLine, process.env, here('../renderer'), (sentence) =>
    process.stderr.write(`${sentence}\n`),
  )
  const { desktop, logs } = dataDirLayout(config.data_dir)
  mkdirSync(desktop, { recursive: true, mode: 0o700 })
  // One profile, and with it one running instance, per data directory.
  app.setPath('userData', desktop)
  app.setAppLogsPath(logs)
  return { commandLine, config }
}

try {
  const { commandLine, config } = prepare()
  if (app.requestSingleInstanceLock()) {
    app.setAppUserModelId('chat.hearth.desktop')
    app.enableSandbox()
    registerAppScheme()
    const links = listenForLinks(commandLine.rest)
    app.on('window-all-closed', () => {
      if (process.platform !== 'darwin') app.quit()
    })
    void app.whenReady().then(() => run(commandLine, config, links))
  } else app.exit(0) // the first instance was told and shows its window
} catch (error) {
  const sentence = describeStartFailure(error)
  process.stderr.write(`${sentence}\n`)
  dialog.showErrorBox('Hearth', sentence)
  app.exit(2)
}

async function run(commandLine: CommandLine, config: HomeserverConfig, links: Links): Promise<void> {
  const layout = dataDirLayout(config.data_dir)
  const logger = createLogger(config.log.level, openRotatingLog(layout.logs))
  const settings = openSettings(layout.desktop)
  const allowDevTools = !app.isPackaged || config.desktop.developer_tools
  nativeTheme.themeSource = settings.read().theme

  recoverFromCrashes(logger)
  guardPermissions(session.defaultSession)
  session.defaultSession.setSpellCheckerEnabled(config.desktop.spellcheck)

  const { accept } = commandLine
  const secrets = chooseDesktopSecretBox(process.env, logger)
  const server =
    config.desktop.server_process === 'utility'
      ? startUtilityServer(config, { logger, secrets, accept, backendPath: here('./backend.js') })
      : startInProcessServer(config, { logger, secrets, accept })
  const quitting = quitInOrder(() => server.close(), logger)
  relaunchWhenUnusable(server, logger)
  serveApp(config.renderer_dir ?? here('../renderer'), (request) => server.handle(request))

  guardWebContents((path) => window.navigate(path))
  offerContextMenu()
  const openLogsFolder = async () => {
    await shell.openPath(layout.logs)
    return undefined
  }
  setAppMenu({ openLogsFolder, allowDevTools })
  const window = openMainWindow({
    preloadPath: here('../preload/preload.cjs'),
    desktopDir: layout.desktop,
    startsHidden: commandLine.hidden || commandLine.smoke,
    allowDevTools,
    spellcheck: config.desktop.spellcheck,
    shouldHideOnClose: () => !quitting.isUnderWay() && staysInBackground(settings),
  })
  openTray({ show: window.show, quit: () => app.quit() })
  links.deliverTo(window)

  answerCalls({
    readAppInfo: async () => ({
      version: app.getVersion(),
      platform: process.platform,
      dataDir: config.data_dir,
      secretStore: (await secrets).kind,
      isSigned: __SIGNED_BUILD__,
      serverProblem: server.problem,
    }),
    openLogsFolder,
    showNotification: makeNotifications(window.navigate, window.show),
    setBadge: makeBadge(window.current),
    readSettings: settings.read,
    changeSettings(changes) {
      if (changes.startAtLogin !== undefined) setStartAtLogin(changes.startAtLogin)
      if (changes.theme) nativeTheme.themeSource = changes.theme
      return settings.change(changes)
    },
    parseSettings,
    connectLive: (port) => server.connect(port),
  })
  server.onLost(() => window.tell(messages.serverLost))
  watchPower(() => window.tell(messages.resumed), logger)

  await server.started
  const opened = window.current()
  if (commandLine.smoke && opened) return runSmoke(opened, server)
  if (server.problem) tellProblem(server.problem, server.fault)
  else await lookForUpdates(config, () => server.close(), logger)
}

/**
 * Closing the window keeps the server running if that is wanted; the first time, people are asked.
 * Many Linux desktops show no tray, so an answer nobody gave would leave a server nobody sees.
 */
function staysInBackground(settings: SettingsFile): boolean {
  if (process.platform === 'darwin') return true // there the Dock shows that it runs
  if (!settings.hasAskedKeepRunning()) {
    const answer = dialog.showMessageBoxSync({
      type: 'question',
      message: 'Keep the server running in the background?',
      detail: 'People and other servers can reach you only while it runs. Start Hearth again to bring the window back.',
      buttons: ['Keep Running', 'Quit'],
      defaultId: 0,
      cancelId: 0,
    })
    settings.change({ keepRunning: answer === 0 })
  }
  return settings.read().keepRunning
}
