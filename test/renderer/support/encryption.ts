/** Encryption engines of the window without a window: real machines in memory, over a real server. */
import { DeviceId, initAsync, OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { startEngine } from '../../../renderer/encryption/engine/engine.js'
import type { InboxBatch } from '../../../renderer/encryption/inbox.js'
import type { EngineNews, Opened, SealedEvent } from '../../../renderer/encryption/types.js'
import { MatrixRequestError, ServerUnreachableError } from '../../../renderer/platform/matrix/errors.js'
import type { MatrixHttp } from '../../../renderer/platform/matrix/http.js'
import type { TestClient } from '../../support/homeserver.js'

export const megolm = { algorithm: 'm.megolm.v1.aes-sha2' }
export const encryptedRoom = { initial_state: [{ type: 'm.room.encryption', state_key: '', content: megolm }] }

type Sync = {
  next_batch: string
  to_device?: { events: unknown[] }
  device_lists?: { changed?: string[]; left?: string[] }
  device_one_time_keys_count: Record<string, number>
  device_unused_fallback_key_types: string[]
}

export type TestEngine = Awaited<ReturnType<typeof openEngine>>

/** @param isDown while it says so the server does not answer */
export async function openEngine(client: TestClient, isDown: (path: string) => boolean = () => false) {
  await initAsync()
  const machine = await OlmMachine.initialize(new UserId(client.userId), new DeviceId(client.deviceId))
  const sent: string[] = []
  const http = {
    async request(method: string, path: string, { query, body }: { query?: object; body?: unknown } = {}) {
      if (isDown(path)) throw new ServerUnreachableError('down')
      const search = query ? `?${new URLSearchParams(query as Record<string, string>)}` : ''
      sent.push(`${method} ${path.replace('/_matrix/client/v3', '')}`)
      const answer = await client.request(method, path + search, body === undefined ? {} : { body })
      if (answer.status === 200) return answer.body
      throw new MatrixRequestError(answer.status, answer.body.errcode, answer.body.error, undefined, answer.body)
    },
  } as unknown as MatrixHttp
  const news: EngineNews[] = []
  let take: (batch: InboxBatch) => Promise<void> = async () => undefined
  let since: string | undefined
  const engine = await startEngine({
    machine,
    http,
    inbox: {
      start(taken) {
        take = taken
        return () => undefined
      },
      look: async () => undefined,
    },
    tell: (each) => news.push(each),
  })

  const pull = async (): Promise<Sync> =>
    (await client.get(`/sync?timeout=0${since ? `&since=${since}` : ''}`)).body as Sync
  const give = (sync: Sync) =>
    take({
      events: JSON.stringify(sync.to_device?.events ?? []),
      keyCounts: { oneTime: sync.device_one_time_keys_count, unusedFallback: sync.device_unused_fallback_key_types },
      changed: sync.device_lists?.changed ?? [],
      left: sync.device_lists?.left ?? [],
      isAllChanged: false,
    })
  return {
    ...engine,
    client,
    machine,
    http,
    news,
    /** Requests that reached the server. */
    sent,
    /** Everything that waits for the device is handed to its machine, twice where it died before saying so. */
    async receive({ diesOnce = false } = {}): Promise<void> {
      const sync = await pull()
      await give(sync)
      if (diesOnce) await give(sync)
      since = sync.next_batch
    },
    async send(roomId: string, body: string, to: readonly TestClient[], historyVisibility = 'shared') {
      const content = await engine.calls.seal({
        roomId,
        type: 'm.room.message',
        content: { msgtype: 'm.text', body },
        userIds: to.map(({ userId }) => userId),
        rules: { encryption: megolm, historyVisibility },
      })
      const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.encrypted/${Math.random()}`
      const { body: answer } = await client.put(path, content)
      return (await client.get(`/rooms/${encodeURIComponent(roomId)}/event/${answer.event_id}`)).body as SealedEvent
    },
    async read(roomId: string, ...events: SealedEvent[]): Promise<(string | Opened)[]> {
      const opened = await engine.calls.open({ roomId, events })
      return opened.map((each) => (each.kind === 'clear' ? String(each.content.body) : each))
    },
  }
}
