/** Sending: in order, once, through failures, and across a reload. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { accountStorage } from '../../../renderer/platform/account-storage.js'
import { MatrixRequestError, ServerUnreachableError } from '../../../renderer/platform/matrix/errors.js'
import { makeOutbox } from '../../../renderer/platform/matrix/outbox.js'
import { hashTxn } from '../../../renderer/platform/matrix/txn-hash.js'
import { makeLocks, makeStorage } from '../support/browser.js'

const text = (body: string) => ({ msgtype: 'm.text', body })
type Sent = { roomId: string; txnId: string; body: unknown }

/** @param answers one per request; then every request succeeds */
function open(answers: (Error | 'wait')[] = []) {
  const sent: Sent[] = []
  const outbox = makeOutbox(accountStorage('@ana:test'), {
    hashTxn: async () => undefined,
    sealFile: async () => undefined,
    upload: async (_file, { onProgress } = {}) => {
      onProgress?.(0.5)
      return 'mxc://test/file'
    },
    async sendEvent(roomId, _type, content, txnId) {
      const answer = answers.shift()
      if (answer === 'wait') return new Promise<string>(() => undefined)
      if (answer) throw answer
      sent.push({ roomId, txnId, body: (content as { body?: unknown }).body })
      return `$${txnId}`
    },
  })
  return { outbox, sent, statuses: () => outbox.store.get().map(({ status }) => status) }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('localStorage', makeStorage())
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})
const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms)

describe('sending', () => {
  test('goes in the order of writing, one at a time per room', async () => {
    const { outbox, sent } = open()
    for (const body of ['one', 'two', 'three']) outbox.send('!a', 'm.room.message', text(body))

    await settle()

    expect(sent.map(({ body }) => body)).toEqual(['one', 'two', 'three'])
  })

  test('a room that hangs does not stop the others', async () => {
    const { outbox, sent } = open(['wait'])
    outbox.send('!a', 'm.room.message', text('stuck'))
    outbox.send('!b', 'm.room.message', text('free'))

    await settle()

    expect(sent.map(({ body }) => body)).toEqual(['free'])
  })

  test('an unreachable server is tried again with the same transaction ID', async () => {
    const { outbox, sent, statuses } = open([new ServerUnreachableError('down'), new ServerUnreachableError('down')])
    const txnId = outbox.send('!a', 'm.room.message', text('patience'))
    await settle()
    expect(statuses()).toEqual(['waiting'])

    await settle(5_000)

    expect(sent).toEqual([{ roomId: '!a', txnId, body: 'patience' }])
  })

  test('being back wakes what waits at once', async () => {
    const { outbox, sent } = open([new ServerUnreachableError('down')])
    outbox.send('!a', 'm.room.message', text('soon'))
    await settle()

    outbox.wake()
    await settle()

    expect(sent).toHaveLength(1)
  })

  test('what the server refuses is failed; the next goes on; a retry keeps the transaction ID', async () => {
    const refusal = new MatrixRequestError(403, 'M_FORBIDDEN', 'no', undefined, {})
    const { outbox, sent, statuses } = open([refusal])
    const txnId = outbox.send('!a', 'm.room.message', text('forbidden'))
    outbox.send('!a', 'm.room.message', text('fine'))
    await settle()
    expect(statuses()).toEqual(['failed', 'sent'])

    outbox.retry(txnId)
    await settle()

    expect(sent.map(({ body }) => body)).toEqual(['fine', 'forbidden'])
    expect(sent[1]?.txnId).toBe(txnId)
  })

  test('one that is removed while it waits is never sent', async () => {
    const { outbox, sent } = open([new ServerUnreachableError('down')])
    const txnId = outbox.send('!a', 'm.room.message', text('regret'))
    await settle()

    outbox.remove(txnId)
    await settle(60_000)

    expect(sent).toEqual([])
    expect(outbox.store.get()).toEqual([])
  })

  test('an event keeps the key of its echo', async () => {
    const { outbox } = open()
    const txnId = outbox.send('!a', 'm.room.message', text('hello'))
    await settle()

    expect(outbox.keyOf(`$${txnId}`)).toBe(txnId)
    expect(outbox.keyOf('$other')).toBe('$other')
  })
})

describe('a file', () => {
  test('goes up once, however often its event must be tried', async () => {
    const { outbox, sent } = open([new ServerUnreachableError('down')])
    outbox.sendFile('!a', { msgtype: 'm.file', body: 'f', info: {} }, { file: new Blob(['x']), fileName: 'f' })

    await settle(5_000)

    expect(sent).toHaveLength(1)
    expect(outbox.store.get()[0]?.content.url).toBe('mxc://test/file')
  })
})

describe('a reload', () => {
  test('sends what was waiting', async () => {
    const before = open(['wait'])
    before.outbox.send('!a', 'm.room.message', text('survivor'))
    await settle()
    before.outbox.stop()

    const after = open()
    await settle()

    expect(after.sent.map(({ body }) => body)).toEqual(['survivor'])
  })

  test('shows what had failed and leaves it to the user', async () => {
    const before = open([new MatrixRequestError(403, 'M_FORBIDDEN', 'no', undefined, {})])
    before.outbox.send('!a', 'm.room.message', text('failed'))
    await settle()

    const after = open()
    await settle()

    expect(after.statuses()).toEqual(['failed'])
    expect(after.sent).toEqual([])
  })

  test("does not send another account's messages", async () => {
    const before = open(['wait'])
    before.outbox.send('!a', 'm.room.message', text('mine'))
    await settle()

    const other = makeOutbox(accountStorage('@bo:test'), {
      hashTxn: async () => undefined,
      sealFile: async () => undefined,
      upload: async () => '',
      sendEvent: async () => '$x',
    })

    expect(other.store.get()).toEqual([])
  })

  test('in one tab is not touched by another, which goes on with it when that one is closed', async () => {
    const { navigator, closeTab } = makeLocks()
    vi.stubGlobal('navigator', navigator('first'))
    const first = open(['wait'])
    first.outbox.send('!a', 'm.room.message', text('from the first tab'))
    await settle()

    vi.stubGlobal('navigator', navigator('second'))
    const second = open()
    second.outbox.send('!a', 'm.room.message', text('from the second'))
    await settle()
    expect(second.sent.map(({ body }) => body)).toEqual(['from the second'])
    closeTab('first')
    await settle()

    expect(second.sent.map(({ body }) => body)).toEqual(['from the second', 'from the first tab'])
    expect(second.sent[1]!.txnId).toBe(first.outbox.store.get()[0]!.txnId)
  })
})

test("a transaction's hash is the one the server puts into its row", async () => {
  const expected = createHash('sha256').update('sid|txn').digest('base64url')

  expect(await hashTxn('sid', 'txn')).toBe(expected)
  expect(await hashTxn(undefined, 'txn')).toBeUndefined()
})
