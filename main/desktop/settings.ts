/** What a person chose for the desktop app: a small JSON file in the data directory's desktop folder. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DesktopSettings } from '../ipc/contract.js'

export type SettingsFile = {
  read(): DesktopSettings
  /** Undefined until somebody has answered whether closing the window keeps the server running. */
  hasAskedKeepRunning(): boolean
  change(changes: Partial<DesktopSettings>): DesktopSettings
}

const defaults: DesktopSettings = { startAtLogin: false, keepRunning: true, theme: 'system' }

export function openSettings(desktopDir: string): SettingsFile {
  const path = join(desktopDir, 'settings.json')
  let stored = readStored(path)
  return {
    read: () => ({ ...defaults, ...stored }),
    hasAskedKeepRunning: () => stored.keepRunning !== undefined,
    change(changes) {
      stored = { ...stored, ...changes }
      writeFileSync(`${path}.new`, JSON.stringify(stored, undefined, 2), { mode: 0o600 })
      renameSync(`${path}.new`, path)
      return { ...defaults, ...stored }
    },
  }
}

function readStored(path: string): Partial<DesktopSettings> {
  try {
    return parseSettings(JSON.parse(readFileSync(path, 'utf8'))) ?? {}
  } catch {
    return {}
  }
}

const themes: readonly unknown[] = ['system', 'light', 'dark'] satisfies DesktopSettings['theme'][]

/** Changes to settings from outside this process; undefined when anything in them is not a setting. */
export function parseSettings(value: unknown): Partial<DesktopSettings> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const isGood = (name: string, given: unknown) =>
    name === 'theme' ? themes.includes(given) : /^(startAtLogin|keepRunning)$/.test(name) && typeof given === 'boolean'
  return Object.entries(value).every(([name, given]) => isGood(name, given))
    ? (value as Partial<DesktopSettings>)
    : undefined
}
