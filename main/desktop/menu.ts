/** The application menu: zoom, editing (macOS has no copy and paste without it), logs, About. */
import { app, Menu, type MenuItemConstructorOptions } from 'electron'

type Actions = { openLogsFolder(): void; allowDevTools: boolean }

export function setAppMenu({ openLogsFolder, allowDevTools }: Actions): void {
  const isMac = process.platform === 'darwin'
  app.setAboutPanelOptions({
    applicationName: 'Hearth',
    applicationVersion: app.getVersion(),
    copyright: __SIGNED_BUILD__ ? '' : 'This build is not signed.',
  })
  const view: MenuItemConstructorOptions[] = [
    { role: 'resetZoom' },
    { role: 'zoomIn' },
    { role: 'zoomOut' },
    { type: 'separator' },
    { role: 'togglefullscreen' },
    { role: 'reload' },
    ...(allowDevTools ? [{ role: 'toggleDevTools' } as const] : []),
  ]
  Menu.setApplicationMenu(
    Menu.buildFromTemplate([
      ...(isMac ? [{ role: 'appMenu' } as const] : [{ label: 'File', submenu: [{ role: 'quit' } as const] }]),
      { role: 'editMenu' },
      { label: 'View', submenu: view },
      { role: 'windowMenu' },
      {
        role: 'help',
        submenu: [{ label: 'Open Logs Folder', click: openLogsFolder }, ...(isMac ? [] : [{ role: 'about' } as const])],
      },
    ]),
  )
}
