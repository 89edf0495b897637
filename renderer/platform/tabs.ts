/**
 * Tabs of one browser beside each other: who may do what alone, and who is gone.
 *
 * By Web Locks, which the browser takes back when a tab ends in whatever way. Where there are none (an address of
 * the network without TLS), each tab acts as if it were alone: what they do is safe to be done twice.
 */
const locks = () => globalThis.navigator?.locks

/** Runs work of this name in one tab at a time. */
export const inOneTab = (name: string, work: () => Promise<void>): Promise<void> =>
  locks()
    ?.request(name, () => work())
    .then(() => undefined) ?? work()

/** Holds the name until this tab ends. */
export function holdWhileOpen(name: string): void {
  void locks()?.request(name, () => new Promise(() => undefined))
}

/** Runs once when no tab holds the name; at once where none does or nobody can tell. */
export function whenFree(name: string, work: () => void): void {
  const held = locks()
  if (held) void held.request(name, async () => work())
  else work()
}
