/**
 * What one account keeps on this device: unsent messages, drafts, the room that was open last.
 *
 * Every entry carries the account in its key, so that two accounts of one browser never see each other's, and is
 * read and written whole, so that tabs of one account cannot overwrite each other's entries. Signing out forgets them.
 */
export type AccountStorage = {
  /** What was written, or undefined; it may be of any shape, since a person can edit it. */
  read(name: string): unknown
  /** `undefined` removes the entry. Where storage is full or forbidden nothing is kept and nothing fails. */
  write(name: string, value: unknown): void
  /** Names of entries that begin so, in no order. */
  names(beginning: string): string[]
}

const keyOf = (userId: string, name: string) => `hearth.account.${userId}.${name}`

export function accountStorage(userId: string): AccountStorage {
  const own = keyOf(userId, '')
  return {
    read(name) {
      try {
        return JSON.parse(localStorage.getItem(own + name) ?? 'null') ?? undefined
      } catch {
        return undefined
      }
    },
    write(name, value) {
      try {
        if (value === undefined) localStorage.removeItem(own + name)
        else localStorage.setItem(own + name, JSON.stringify(value))
      } catch {
        // full or forbidden: it lasts as long as the window
      }
    },
    names: (beginning) => keysFrom(own + beginning).map((key) => key.slice(own.length)),
  }
}

/** Forgets all that the account kept here. */
export function forgetAccount(userId: string): void {
  for (const key of keysFrom(keyOf(userId, ''))) localStorage.removeItem(key)
}

function keysFrom(beginning: string): string[] {
  try {
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index) ?? '')
    return keys.filter((key) => key.startsWith(beginning))
  } catch {
    return []
  }
}
