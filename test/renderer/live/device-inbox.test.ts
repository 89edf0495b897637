/** Messages to this device: in order, taken before they are acknowledged, and each place kept over a restart. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { InboxBatch } from '../../../renderer/encryption/inbox.js'
import type { LiveConnection, LiveState, Watch } from '../../../renderer/live/connection.js'
import { makeDeviceInbox } from '../../../renderer/live/device-inbox.js'
import { makeStore } from '../../../renderer/live/store.js'
import { accountStorage } from '../../../renderer/platform/account-storage.js'
import { MatrixRequestError } from '../../../renderer/platform/matrix/errors.js'
import type { MatrixHttp } from '../../../renderer/platform/matrix/http.js'
import { makeStorage } from '../support/browser.js'

type List = { since: number; position: number; changed: string[]; left: string[] }
const own = { user_id: '@ana:test', device_id: 'D' }
let messages: { position: number; sender: string; type: string; content: string }[]
let lists: List[]
let counts: { position: number; one_time_key_counts: object; unused_fallback_key_types: string[] }[]
let acknowledged: number[]
let refusal: Error | undefined

beforeEach(() => {
  vi.stubGlobal('localStorage', makeStorage())
  messages = []
  lists = [{ since: 0, position: 10, changed: [], left: [] }]
  counts = []
  acknowledged = []
  refusal = undefined
})
afterEach(() => void vi.unstubAllGlobals())

const say = (position: number, content = '{}') =>
  messages.push({ position, sender: '@bo:test', type: 'm.room.encrypted', content })

function open(take: (batch: InboxBatch) => Promise<void> = async () => undefined) {
  const watches: Watch<never>[] = []
  const connection = {
    state: makeStore<LiveState>({ kind: 'live' }),
    start: () => undefined,
    stop: () => undefined,
    watch(watch: Watch<never>) {
      watches.push(watch)
      watch.onSnapshot([])
      return () => undefined
    },
    query: async (_statements: string, { handled }: { handled: number }) => [
      messages.filter(({ position }) => position > handled).slice(0, 2),
      lists,
      counts,
    ],
  } as unknown as LiveConnection
  const http = {
    async request(_method: string, _path: string, { body }: { body: { up_to: number } }) {
      if (refusal) {
        const once = refusal
        refusal = undefined
        throw once
      }
      acknowledged.push(body.up_to)
      return {}
    },
  } as unknown as MatrixHttp
  const batches: InboxBatch[] = []
  const inbox = makeDeviceInbox({
    ...{ connection, http, storage: accountStorage('@ana:test') },
    ...{ userId: own.user_id, deviceId: own.device_id },
  })
  const stop = inbox.start(async (batch) => {
    await take(batch)
    batches.push(batch)
  })
  const ring = () => {
    for (const watch of watches) watch.onChange({ action: 'CREATE', row: {} as never })
  }
  const positions = () =>
    batches.flatMap(({ events }) =>
      (JSON.parse(events) as { content: { n: number } }[]).map(({ content }) => content.n),
    )
  return { batches, positions, ring, stop }
}

test('more than fits into one reading comes in order, each acknowledged after it was taken', async () => {
  for (const n of [1, 2, 3, 4, 5]) say(n, `{"n":${n}}`)
  const taken: number[] = []
  const { positions } = open(async () => void taken.push(acknowledged.at(-1) ?? 0))

  await expect.poll(() => acknowledged).toEqual([2, 4, 5])
  expect(positions()).toEqual([1, 2, 3, 4, 5])
  expect(taken).toEqual([0, 2, 4])
})

test('what could not be taken is not acknowledged, and comes again', async () => {
  say(1, '{"n":1}')
  let fails = true
  const { positions, ring } = open(async () => {
    if (fails) throw new Error('the disk is full')
  })
  await expect.poll(() => fails).toBe(true)
  expect(acknowledged).toEqual([])
  fails = false
  ring()

  await expect.poll(positions).toEqual([1])
  await expect.poll(() => acknowledged).toEqual([1])
})

test('after a restart it goes on behind what was taken, and says so again', async () => {
  say(1, '{"n":1}')
  const first = open()
  await expect.poll(first.positions).toEqual([1])
  first.stop()
  say(2, '{"n":2}')

  const second = open()

  await expect.poll(second.positions).toEqual([2])
  expect(acknowledged).toEqual([1, 1, 2])
})

test('a server that was put back to an older copy is read from its beginning', async () => {
  say(7, '{"n":7}')
  const first = open()
  await expect.poll(first.positions).toEqual([7])
  first.stop()
  messages = []
  say(3, '{"n":3}')
  refusal = new MatrixRequestError(400, 'M_UNKNOWN_POS', 'never', undefined, {})
  const second = open()
  await expect.poll(second.positions).toEqual([3])
})

test('the text of a message keeps its form', async () => {
  say(1, '{"b":1,"a":2}')
  const { batches } = open()

  await expect
    .poll(() => batches[0]?.events)
    .toBe('[{"sender":"@bo:test","type":"m.room.encrypted","content":{"b":1,"a":2}}]')
})

test('the journal of device lists: all at first, then what is new, and all again where it does not reach back', async () => {
  const { batches, ring } = open()
  await expect.poll(() => batches.map(({ isAllChanged }) => isAllChanged)).toEqual([true])

  lists.push({ since: 10, position: 11, changed: ['@bo:test'], left: [] })
  lists.push({ since: 11, position: 12, changed: ['@cy:test'], left: ['@bo:test'] })
  ring()
  await expect.poll(() => batches.length).toBe(2)
  expect(batches[1]).toMatchObject({ changed: ['@cy:test'], left: ['@bo:test'], isAllChanged: false })

  lists = [{ since: 40, position: 41, changed: ['@bo:test'], left: [] }]
  ring()
  await expect.poll(() => batches[2]?.isAllChanged).toBe(true)
})

test('counts of keys are told once for each change', async () => {
  counts = [{ position: 5, one_time_key_counts: { signed_curve25519: 3 }, unused_fallback_key_types: [] }]
  const { batches, ring } = open()
  await expect.poll(() => batches[0]?.keyCounts).toEqual({ oneTime: { signed_curve25519: 3 }, unusedFallback: [] })

  lists.push({ since: 10, position: 11, changed: ['@bo:test'], left: [] })
  ring()

  await expect.poll(() => batches.length).toBe(2)
  expect(batches[1]!.keyCounts).toBeUndefined()
})
