/**
 * One tab does the work for all: the tabs of one device share one set of keys, and two machines over one store would
 * use the same ratchet twice.
 *
 * The tab that holds the lock leads. The others ask it over a broadcast channel of this origin, and hear its news. When
 * it ends, in whatever way, the browser gives the lock to the next; what was asked and not answered is asked again, so
 * calls must do no harm when they run twice. Values are what JSON can carry.
 */
import { randomId } from '../platform/random-id.js'

type Calls = Record<string, (argument: never) => Promise<unknown>>

export type Led<Work extends Calls> = {
  /** Does it here or has the leading tab do it. @throws Error of the same name and message as the call threw */
  ask<Name extends keyof Work & string>(
    name: Name,
    argument: Parameters<Work[Name]>[0],
  ): Promise<Awaited<ReturnType<Work[Name]>>>
  /** @returns when what this tab had begun is ended */
  stop(): Promise<void>
}

type LedNeeds<Work extends Calls, News> = {
  /** Names lock and channel: who shares it. */
  name: string
  /** Starts the work in this tab; it is given up, and `end` awaited, when the tab stops. */
  lead(tell: (news: News) => void): Promise<{ calls: Work; end(): Promise<void> }>
  /** News of the leading tab, in this tab too. */
  onNews(news: News): void
  locks: Pick<LockManager, 'request'>
  openChannel(name: string): BroadcastChannel
  /** The work could not be started in this tab. */
  onFailed(error: unknown): void
}

type Message =
  | { kind: 'ask'; id: string; name: string; argument: unknown }
  | { kind: 'answer'; id: string; value?: unknown; error?: { name: string; message: string } }
  | { kind: 'leads' }
  | { kind: 'news'; news: unknown }

type Waiting = { name: string; argument: unknown; settle(answer: Message & { kind: 'answer' }): void }

export function makeOneTab<Work extends Calls, News>(needs: LedNeeds<Work, News>): Led<Work> {
  const channel = needs.openChannel(needs.name)
  const waiting = new Map<string, Waiting>()
  const ended = new AbortController()
  let own: Work | undefined

  const post = (message: Message) => {
    if (!ended.signal.aborted) channel.postMessage(message)
  }

  async function run(work: Work, id: string, name: string, argument: unknown): Promise<Message & { kind: 'answer' }> {
    try {
      return { kind: 'answer', id, value: await work[name]!(argument as never) }
    } catch (error) {
      const { name: kind, message } = error instanceof Error ? error : new Error(String(error))
      return { kind: 'answer', id, error: { name: kind, message } }
    }
  }

  const settle = (answer: Message & { kind: 'answer' }) => {
    const asked = waiting.get(answer.id)
    waiting.delete(answer.id)
    asked?.settle(answer)
  }

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'ask') {
      if (own && data.name in own) void run(own, data.id, data.name, data.argument).then(post)
    } else if (data.kind === 'answer') settle(data)
    else if (data.kind === 'news') needs.onNews(data.news as News)
    else for (const [id, { name, argument }] of waiting) post({ kind: 'ask', id, name, argument })
  }

  /** Holds the lock for as long as this tab is here. */
  async function lead(): Promise<void> {
    if (ended.signal.aborted) return
    const led = await needs.lead((news) => {
      needs.onNews(news)
      post({ kind: 'news', news })
    })
    own = led.calls
    post({ kind: 'leads' })
    for (const [id, { name, argument }] of waiting) void run(own, id, name, argument).then(settle)
    await new Promise<void>((resolve) => {
      if (ended.signal.aborted) resolve()
      ended.signal.addEventListener('abort', () => resolve())
    })
    own = undefined
    await led.end()
  }

  const turn = needs.locks.request(needs.name, { signal: ended.signal }, lead).catch((error: unknown) => {
    if (!ended.signal.aborted) needs.onFailed(error)
  })

  return {
    ask(name, argument) {
      const id = randomId()
      return new Promise((resolve, reject) => {
        waiting.set(id, {
          name,
          argument,
          settle: ({ value, error }) =>
            error
              ? reject(Object.assign(new Error(error.message), { name: error.name }))
              : resolve(value as Awaited<ReturnType<Work[typeof name]>>),
        })
        if (own) void run(own, id, name, argument).then(settle)
        else post({ kind: 'ask', id, name, argument })
      })
    },
    stop() {
      ended.abort()
      for (const { settle: give } of waiting.values())
        give({ kind: 'answer', id: '', error: { name: 'AbortError', message: 'this tab is done' } })
      waiting.clear()
      channel.onmessage = null
      channel.close()
      return turn.then(() => undefined)
    },
  }
}
