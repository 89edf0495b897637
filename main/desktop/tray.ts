/** The icon in the tray (menu bar on macOS): the sign that the server runs, and the way to end it. */
import { Menu, nativeImage, Tray } from 'electron'
import colourIcon from '../../assets/tray.png?inline'
import templateIcon from '../../assets/tray-template.png?inline'

type Actions = { show(): void; quit(): void }

// Without this reference the garbage collector would take the icon away.
let tray: Tray | undefined

export function openTray({ show, quit }: Actions): void {
  const isMac = process.platform === 'darwin'
  const full = nativeImage.createFromDataURL(isMac ? templateIcon : colourIcon)
  const icon = full.resize({ width: 16, height: 16 })
  icon.addRepresentation({ scaleFactor: 2, width: 32, height: 32, dataURL: isMac ? templateIcon : colourIcon })
  if (isMac) icon.setTemplateImage(true)
  tray = new Tray(icon)
  tray.setToolTip('Hearth')
  tray.setContextMenu(
    Menu.buildFromTemplate([
      { label: 'Open Hearth', click: show },
      { type: 'separator' },
      { label: 'Quit', click: quit },
    ]),
  )
  tray.on('click', show)
}
