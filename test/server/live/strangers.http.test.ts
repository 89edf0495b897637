/** Channels without a token: who may wait for how long, and that a flood from one place takes nobody else's. */
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import type { ChannelPeer } from '../../../server/live/channel.js'
import { liveLimits } from '../../../server/live/close-codes.js'
import { codec } from '../../../server/live/frames.js'
import { Strangers } from '../../../server/live/strangers.js'
import { peerOf } from '../../../server/live/websocket.js'
import { type LiveServer, startLiveServer } from '../../support/live.js'
import { MemoryChannel } from '../../support/memory-channel.js'

const from = (address: string): ChannelPeer => ({ kind: 'remote', address })

describe('places for strangers', () => {
  test('one address has eight, and its oldest goes for its newest', () => {
    const strangers = new Strangers<number>()
    const evicted = Array.from({ length: 10 }, (_, n) => strangers.add(n, from('a')))

    expect(evicted).toEqual([...Array(8).fill(undefined), 0, 1])
    expect(strangers.add(100, from('b'))).toBeUndefined()
  })

  test('who authenticated or left makes room', () => {
    const strangers = new Strangers<number>()
    for (let n = 0; n < 8; n++) strangers.add(n, from('a'))
    strangers.delete(0)

    expect(strangers.add(8, from('a'))).toBeUndefined()
  })

  test('when all are taken, the address that has most of them gives one up', () => {
    const strangers = new Strangers<string>()
    for (let n = 0; n < 7; n++) strangers.add(`greedy ${n}`, from('greedy'))
    for (let n = 7; n < liveLimits.strangers.remote; n++) strangers.add(`${n}`, from(`${n}`))

    expect(strangers.add('late', from('late'))).toBe('greedy 0')
  })

  test('no stranger from elsewhere takes the place of the window or of this machine', () => {
    const strangers = new Strangers<string>()
    strangers.add('window', { kind: 'window' })
    strangers.add('local', { kind: 'local' })
    const evicted = Array.from({ length: 1_000 }, (_, n) => strangers.add(`${n}`, from(`${n}`)))

    expect(evicted).not.toContain('window')
    expect(evicted).not.toContain('local')
    expect(evicted.filter((each) => each !== undefined)).toHaveLength(1_000 - liveLimits.strangers.remote)
  })
})

describe('the other end of a socket', () => {
  const peer = (remoteAddress: string, headers: Record<string, string> = {}) =>
    peerOf({ socket: { remoteAddress } as never, headers })

  test.each([
    ['127.0.0.1', {}, { kind: 'local' }],
    ['::1', {}, { kind: 'local' }],
    ['::ffff:127.0.0.1', {}, { kind: 'local' }],
    ['203.0.113.7', {}, from('203.0.113.7')],
    ['::ffff:203.0.113.7', {}, from('203.0.113.7')],
    ['203.0.113.7', { 'x-forwarded-for': '127.0.0.1' }, from('203.0.113.7')],
    ['127.0.0.1', { 'x-forwarded-for': '198.51.100.9' }, from('198.51.100.9')],
    ['127.0.0.1', { 'x-forwarded-for': '10.0.0.1, 198.51.100.9, 127.0.0.1' }, from('198.51.100.9')],
    ['127.0.0.1', { 'x-forwarded-for': 'nonsense' }, from('proxied')],
    ['127.0.0.1', { via: '1.1 proxy' }, from('proxied')],
    ['2001:db8:1:2:aaaa::1', {}, from('2001:db8:1:2')],
    ['2001:db8:1:2::', {}, from('2001:db8:1:2')],
    ['2001:db8::5', {}, from('2001:db8:0:0')],
    ['fe80::1%eth0', {}, from('fe80:0:0:0')],
  ] as const)('%s with %j', (address, headers, expected) => {
    expect(peer(address, headers)).toEqual(expected)
  })
})

describe('a thousand sockets from one address', () => {
  let hs: LiveServer
  const sockets: WebSocket[] = []
  beforeEach(async () => {
    hs = await startLiveServer()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    await hs[Symbol.asyncDispose]()
  })

  async function connect(address?: string): Promise<WebSocket> {
    const socket = new WebSocket(hs.url, ['cbor'], address ? { headers: { 'x-forwarded-for': address } } : {})
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'open')
    return socket
  }
  async function ask(socket: WebSocket, method: string, params: unknown[]): Promise<unknown> {
    socket.send(codec.encode({ id: '1', method, params }))
    const [data] = (await once(socket, 'message')) as [Buffer]
    return codec.decode(data)
  }

  test('shut the live API for nobody else', { timeout: 60_000 }, async () => {
    const flood = async (count: number) => {
      for (let n = 0; n < count; n += 50) await Promise.all(Array.from({ length: 50 }, () => connect('203.0.113.7')))
    }
    await flood(900)
    const patient = await connect('198.51.100.2')
    await flood(100)
    const window = new MemoryChannel({ kind: 'window' })
    hs.bridge.openLiveChannel(window)

    expect(hs.bridge.channels).toBeLessThanOrEqual(liveLimits.strangersPerAddress + 2)
    for (const socket of [patient, await connect('192.0.2.3'), await connect()])
      expect(await ask(socket, 'authenticate', [await hs.token('bob')])).toMatchObject({ id: '1', result: null })
    await window.call('authenticate', [await hs.token('alice')])
    expect(await window.query('SELECT * FROM receipts')).toEqual([[]])
  })
})
