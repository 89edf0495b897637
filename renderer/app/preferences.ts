/** What this browser remembers whoever is signed in: theme, language, sizes. Kept in localStorage. */
import type { Language } from '../i18n/index.js'
import { makeStore, useStore } from '../live/store.js'
import { platform } from '../platform/bridge.js'

export type Preferences = {
  theme: 'system' | 'light' | 'dark'
  language: Language | null
  /** CSS pixels, 220–400 */
  listWidth: number
  isPanelOpen: boolean
  sendReceipts: boolean
  sendTyping: boolean
  /** Of the system; in a browser it must have been allowed too. */
  notifications: boolean
}

const storageKey = 'hearth.preferences'
const initial: Preferences = {
  theme: 'system',
  language: null,
  listWidth: 280,
  isPanelOpen: false,
  sendReceipts: true,
  sendTyping: true,
  notifications: true,
}

function readStored(): Preferences {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '{}')
    return { ...initial, ...(typeof stored === 'object' ? stored : {}) }
  } catch {
    return initial
  }
}

const store = makeStore<Preferences>(readStored())

export const readPreferences = () => store.get()
export const usePreferences = () => useStore(store)

export function changePreferences(changes: Partial<Preferences>): void {
  store.set({ ...store.get(), ...changes })
  try {
    localStorage.setItem(storageKey, JSON.stringify(store.get()))
  } catch {
    // storage is full or forbidden: the choice lasts as long as the window
  }
  if (!changes.theme) return
  applyTheme()
  // The desktop's own frame follows; in a browser there is none.
  void platform.changeSettings({ theme: changes.theme }).catch(() => undefined)
}

/** `system` follows the system by itself, in CSS. */
export function applyTheme(): void {
  const { theme } = store.get()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}
