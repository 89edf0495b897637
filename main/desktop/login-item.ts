/**
 * Start at login, hidden. macOS and Windows have a setting for it; on Linux it is a file of the
 * desktop's autostart folder (https://specifications.freedesktop.org/autostart-spec/latest/).
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { app } from 'electron'

/** @throws Error for a program that is not installed: there is nothing lasting to start */
export function setStartAtLogin(isOn: boolean, env: NodeJS.ProcessEnv = process.env): void {
  if (!app.isPackaged) throw new Error('Only an installed app can start at login.')
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: isOn, args: ['--hidden'] })
    return
  }
  const folder = join(env.XDG_CONFIG_HOME || join(app.getPath('home'), '.config'), 'autostart')
  const file = join(folder, 'hearth.desktop')
  if (!isOn) {
    rmSync(file, { force: true })
    return
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, autostartEntry(env.APPIMAGE ?? process.execPath))
}

/** The Exec key's quoting: double quotes, with these four characters escaped by a (doubled) backslash. */
export const autostartEntry = (program: string) =>
  [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Hearth',
    `Exec="${program.replace(/["`$\\]/g, '\\\\$&').replaceAll('%', '%%')}" --hidden`,
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n')
