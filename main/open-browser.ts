/** Opens the system's browser; a machine without one just has the printed address. */
import { spawn } from 'node:child_process'

/** The program that opens a URL, or undefined where there is no screen to open it on. */
export function browserCommand(
  url: string,
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): [program: string, ...given: string[]] | undefined {
  if (platform === 'darwin') return ['open', url]
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler', url]
  return env.DISPLAY || env.WAYLAND_DISPLAY ? ['xdg-open', url] : undefined
}

export function openBrowser(url: string, env: NodeJS.ProcessEnv): void {
  const command = browserCommand(url, process.platform, env)
  if (!command) return
  const [program, ...given] = command
  const child = spawn(program, given, { stdio: 'ignore', detached: true })
  child.on('error', () => undefined) // not installed: the address is on the screen
  child.unref()
}
