/** The parent's side of `test/server/live/children/sdk-client.mjs`. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export type LiveNote = { live: string; action: string; row: Record<string, unknown>; at: number }
type Answer = { call: number; ok: boolean; value: unknown; error: string }

export class SdkClient implements AsyncDisposable {
  readonly notes: LiveNote[] = []
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #child: ChildProcess
  readonly #calls = new Map<number, (answer: Answer) => void>()
  #lastCall = 0

  constructor() {
    const script = fileURLToPath(new URL('../server/live/children/sdk-client.mjs', import.meta.url))
    this.#child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.closed = new Promise((resolve) => {
      this.#child.on('message', (message: Answer & LiveNote & { event?: string; code: number; reason: string }) => {
        if (message.event === 'close') resolve(message)
        else if (message.live) this.notes.push(message)
        else this.#calls.get(message.call)?.(message)
      })
    })
  }

  /** @throws Error with what the SDK threw */
  async call<T = unknown>(method: string, ...args: unknown[]): Promise<T> {
    const call = ++this.#lastCall
    const answered = new Promise<Answer>((resolve) => this.#calls.set(call, resolve))
    this.#child.send({ call, method, args })
    const { ok, value, error } = await answered
    if (!ok) throw new Error(error)
    return value as T
  }

  /** Connected, using our database, authenticated. */
  async login(url: string, token: string): Promise<this> {
    await this.call('connect', url)
    await this.call('use', 'matrix', 'homeserver')
    await this.call('authenticate', token)
    return this
  }

  /** Notes of one live query, once there are so many. @throws Error when they do not come within two seconds */
  async hears(live: string, count: number): Promise<LiveNote[]> {
    const until = Date.now() + 2_000
    for (;;) {
      const notes = this.notes.filter((note) => note.live === live)
      if (notes.length >= count) return notes
      if (Date.now() > until) throw new Error(`${notes.length} of ${count} notifications of ${live}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    this.#child.kill()
    await ended
  }
}
