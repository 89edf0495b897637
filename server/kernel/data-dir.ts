/**
 * Where the data directory is, and what is where in it. Pure: nothing is created here.
 *
 * The desktop app and the headless server of one account use the same directory, so that an
 * account made in one is found in the other. Electron's own files (its profile) live in a folder
 * inside it.
 */
import { posix, resolve, win32 } from 'node:path'

export type DataDirFacts = {
  platform: NodeJS.Platform
  env: Readonly<Record<string, string | undefined>>
  /** The account's home directory. */
  home: string
}

/**
 * The data directory when no option names one: XDG_DATA_HOME/hearth (default ~/.local/share/hearth)
 * on Linux and other Unixes, ~/Library/Application Support/Hearth on macOS, %APPDATA%\Hearth on Windows.
 */
export function chooseDataDir({ platform, env, home }: DataDirFacts): string {
  if (platform === 'win32') return win32.join(env.APPDATA || win32.join(home, 'AppData', 'Roaming'), 'Hearth')
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'Hearth')
  const xdg = env.XDG_DATA_HOME
  // The XDG specification: a relative path is invalid and must be ignored.
  return posix.join(xdg && posix.isAbsolute(xdg) ? xdg : posix.join(home, '.local', 'share'), 'hearth')
}

/** Every place in a data directory. */
export const dataDirLayout = (dataDir: string) => ({
  database: resolve(dataDir, 'db'),
  media: resolve(dataDir, 'media'),
  keys: resolve(dataDir, 'keys'),
  backups: resolve(dataDir, 'backups'),
  logs: resolve(dataDir, 'logs'),
  /** Electron's profile and the window's remembered state. */
  desktop: resolve(dataDir, 'desktop'),
  /** What the directory remembers of itself: its server name. */
  memory: resolve(dataDir, 'hearth.json'),
  /** What it remembers of its database: which one, and how far it had come. */
  mark: resolve(dataDir, 'database.mark'),
  lock: resolve(dataDir, 'hearth.lock'),
})
