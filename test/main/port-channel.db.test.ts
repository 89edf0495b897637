/** The desktop window's port, both ends: what is not taken is bounded, and a window that takes is never closed for it. */
import { MessageChannel, type MessagePort as NodePort } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { channelOverPort as serverEnd } from '../../main/port-channel.js'
import { channelOverPort as pageEnd } from '../../renderer/platform/bridge.js'
import { liveLimits } from '../../server/live/close-codes.js'
import { codec } from '../../server/live/frames.js'
import { upsertRow } from '../../server/store/writes.js'
import { startLiveServer } from '../support/live.js'
import { user } from '../support/rooms.js'

const megabyte = 1_048_576

/** A Node port as Electron's, which wraps what it says in an event. */
function electronPort(port: NodePort) {
  return {
    on(event: string, listener: (message: { data: unknown }) => void) {
      port.on(event, (data: unknown) => listener({ data }))
    },
    start: () => port.start(),
    postMessage: (message: unknown) => port.postMessage(message),
    close: () => port.close(),
  }
}
function openPort() {
  const { port1, port2 } = new MessageChannel()
  return { server: serverEnd(electronPort(port1) as never), pagePort: port2 }
}
const page = (port: NodePort) => pageEnd(port as unknown as MessagePort, () => () => {})

describe('a port', () => {
  test('knows what the page has not taken', async () => {
    const { server, pagePort } = openPort()
    for (let n = 0; n < 20; n++) server.post(new Uint8Array(megabyte))
    expect(server.bufferedBytes).toBe(20 * megabyte)

    const channel = page(pagePort) // without a handler, frames wait in the page
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(server.bufferedBytes).toBe(20 * megabyte)
    let frames = 0
    channel.onMessage(() => frames++)

    await expect.poll(() => server.bufferedBytes).toBeLessThan(65_536)
    expect(frames).toBe(20)
    channel.close()
  })

  test('believes no page that claims to have taken more than was posted, or less than before', async () => {
    const { server, pagePort } = openPort()
    server.post(new Uint8Array(1_000))
    pagePort.postMessage({ taken: 1e12 })
    await expect.poll(() => server.bufferedBytes).toBe(0)

    server.post(new Uint8Array(500))
    pagePort.postMessage({ taken: -5 })
    pagePort.postMessage({ taken: Number.NaN })
    await new Promise<void>((resolve) => server.onClose(resolve)) // NaN is no message of ours

    expect(server.bufferedBytes).toBe(500)
  })
})

describe('a window on the live API', () => {
  async function watch(hs: Awaited<ReturnType<typeof startLiveServer>>) {
    const { server, pagePort } = openPort()
    let postedBytes = 0
    const counted = Object.create(server, {
      post: {
        value(bytes: Uint8Array) {
          postedBytes += bytes.length
          server.post(bytes)
        },
      },
    }) as typeof server
    hs.bridge.openLiveChannel(counted)
    const channel = page(pagePort)
    const closed = new Promise<number>((resolve) => channel.onClose(resolve))
    const ask = (id: string, method: string, params: unknown[]) => channel.post(codec.encode({ id, method, params }))
    ask('1', 'authenticate', [await hs.token('alice')])
    ask('2', 'query', ['LIVE SELECT * FROM room_events'])
    await expect.poll(() => hs.registry.size).toBe(1)
    return { channel, closed, postedBytes: () => postedBytes }
  }
  const member = upsertRow('room_access', {
    ...{ id: ['!r:x', user('alice')], room_id: '!r:x', user_id: user('alice'), membership: 'join' },
    ...{ joined_from: 1, joined_to: 1e15, shared_to: 1e15, invited_from: 1 },
  })
  const row = (seq: number) =>
    upsertRow('room_events', {
      ...{ id: ['!r:x', seq], room_id: '!r:x', seq, visibility: 'shared' },
      event: { body: 'x'.repeat(megabyte) },
    })

  test('that takes nothing is closed with 4408 once 8 MB wait, and little more was posted', async () => {
    await using hs = await startLiveServer({ users: ['alice'] })
    await hs.db.live.writeLive([member])
    const window = await watch(hs)

    for (let seq = 1; seq <= 20; seq++) await hs.db.live.writeLive([row(seq)])

    expect(await window.closed).toBe(4408)
    expect(window.postedBytes()).toBeLessThan(liveLimits.bufferedBytes + 2 * megabyte)
  })

  test('that takes what comes gets all of it', async () => {
    await using hs = await startLiveServer({ users: ['alice'] })
    await hs.db.live.writeLive([member])
    const window = await watch(hs)
    let notes = 0
    window.channel.onMessage((bytes) => {
      if (bytes.length > megabyte) notes++
    })

    for (let seq = 1; seq <= 20; seq++) await hs.db.live.writeLive([row(seq)])

    await expect.poll(() => notes).toBe(20)
    window.channel.close()
  })
})
