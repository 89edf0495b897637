/** Parent's side of `child-entry.mjs`: starts a module in a process of its own and listens to it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type Say = (message: unknown) => void
export type Child = {
  /** What it has said so far. */
  readonly said: readonly unknown[]
  /** Resolves with the first message that fits; rejects when the process ends without one. */
  hears<T>(isMeant: (message: unknown) => boolean): Promise<T>
  /** Sends it a message (`process.on('message')`). */
  post(message: unknown): void
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** Resolves with its exit code, null when it was killed. */
  readonly ended: Promise<number | null>
}

/** @param module path of the module, from `new URL('…', import.meta.url)` */
export function startChild(module: URL, args: unknown): Child {
  const entry = fileURLToPath(new URL('./child-entry.mjs', import.meta.url))
  const child = fork(entry, [fileURLToPath(module), JSON.stringify(args)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const said: unknown[] = []
  child.on('message', (message) => said.push(message))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  return {
    said,
    ended,
    async hears<T>(isMeant: (message: unknown) => boolean) {
      const found = said.find(isMeant)
      if (found !== undefined) return found as T
      return new Promise<T>((resolve, reject) => {
        child.on('message', (message) => {
          if (isMeant(message)) resolve(message as T)
        })
        void ended.then((code) => reject(new Error(`the child ended with ${code} before it said so`)))
      })
    },
    post: (message) => void child.send(message as object),
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
