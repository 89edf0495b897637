/** The listener on the network at home: turned on and off while the server runs, and strict about who it is for. */
import { request as httpRequest } from 'node:http'
import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { HomeNetwork } from '../../../server/network/home-network.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { readHomeAddress } from '../../support/home-address.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const path = '/_hearth/admin/v1/home_network'

async function turnOn(hs: TestHomeserver): Promise<string> {
  const { body } = await hs.as('ana').put(path, { is_on: true })
  const found = body.home_network.addresses.find(
    ({ address, is_listening }: { address: string; is_listening: boolean }) =>
      is_listening && address === readHomeAddress(),
  )
  if (!found) throw new Error(JSON.stringify(body))
  return found.url
}

/** With a Host of one's own, which `fetch` does not allow. */
const ask = (url: string, headers: Record<string, string>) =>
  new Promise<number>((resolve, reject) => {
    const request = httpRequest(new URL('_matrix/client/versions', url), { headers }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.once('error', reject).end()
  })

const upgrade = (url: string, headers: Record<string, string> = {}) =>
  new Promise<string>((resolve) => {
    const socket = new WebSocket(new URL('_hearth/live/rpc', url.replace('http', 'ws')), 'cbor', { headers })
    socket.once('open', () => {
      resolve('open')
      socket.terminate()
    })
    socket.once('unexpected-response', (_request, response) => resolve(String(response.statusCode)))
    socket.once('error', () => resolve('error'))
  })

describe('the network at home', () => {
  test('is not listened to until an administrator turns it on, and not after it is turned off', async () => {
    await using hs = await startHomeserver({ users: ['ana', 'bo'], admins: ['ana'], sockets: true })
    expect((await hs.as('bo').put(path, { is_on: true })).status).toBe(403)
    const before = (await hs.as('ana').get('/_hearth/admin/v1/reachability')).body
    expect(before.home_network.state).toBe('off')

    const url = await turnOn(hs)

    expect((await fetch(new URL('_matrix/client/versions', url))).status).toBe(200)
    const off = await fetch(new URL(path.slice(1), url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${hs.as('ana').token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ is_on: false }),
    })
    expect(off.status).toBe(200) // although it came that way
    await expect(fetch(new URL('_matrix/client/versions', url))).rejects.toThrow()
    expect((await fetch(new URL('_matrix/client/versions', hs.server.clientUrl))).status).toBe(200)
  })

  test('is answered under names of this machine alone', async () => {
    await using hs = await startHomeserver({ users: ['ana'], admins: ['ana'], sockets: true })
    const url = await turnOn(hs)
    const { host } = new URL(url)

    expect(await ask(url, { host })).toBe(200)
    expect(await ask(url, { host: 'evil.example' })).toBe(421)
    expect(await ask(url, { host: 'localhost' })).toBe(421)
    expect(await upgrade(url)).toBe('open')
    expect(await upgrade(url, { host: 'evil.example' })).toBe('421')
    expect(await upgrade(url, { origin: 'http://evil.example' })).toBe('403')
    expect(await upgrade(url, { origin: `http://${host}` })).toBe('open')
  })

  test('is no place to set a server up from', async () => {
    await using hs = await startHomeserver({ users: ['ana'], admins: ['ana'], sockets: true })
    const url = await turnOn(hs)
    const answer = await fetch(new URL('_hearth/client/v1/onboarding', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ server_name: 'test', username: 'eve', password: 'long enough', federation: 'local' }),
    })
    expect(answer.status).toBe(403)
  })

  test('shows who is connected, as long as they are', async () => {
    await using hs = await startHomeserver({ users: ['ana', 'bo'], admins: ['ana'], sockets: true })
    const url = await turnOn(hs)
    const controller = new AbortController()
    const since = (await hs.as('bo').get('/sync')).body.next_batch
    const sync = fetch(new URL(`_matrix/client/v3/sync?timeout=20000&since=${since}`, url), {
      headers: { authorization: `Bearer ${hs.as('bo').token}` },
      signal: controller.signal,
    }).catch(() => undefined)
    await fetch(new URL('_matrix/client/v3/account/whoami', url), {
      headers: { authorization: `Bearer ${hs.as('bo').token}` },
    })

    const connected = async () => (await hs.as('ana').get('/_hearth/admin/v1/reachability')).body.home_network.connected
    expect(await connected()).toMatchObject([{ address: readHomeAddress(), users: ['@bo:test'] }])

    controller.abort()
    await sync
    await hs.as('ana').put(path, { is_on: false })
    expect(await connected()).toEqual([])
  })

  test('ends the live channels that came over it when it is turned off', async () => {
    await using hs = await startHomeserver({ users: ['ana'], admins: ['ana'], sockets: true })
    const url = await turnOn(hs)
    const socket = new WebSocket(new URL('_hearth/live/rpc', url.replace('http', 'ws')), 'cbor')
    await new Promise((resolve) => socket.once('open', resolve))
    const closed = new Promise((resolve) => socket.once('close', resolve))

    await hs.as('ana').put(path, { is_on: false })

    await closed
  })

  test('that this machine is not on is refused', async () => {
    await using hs = await startHomeserver({ users: ['ana'], admins: ['ana'], sockets: true })
    const refused = await hs.as('ana').put(path, { is_on: true, interfaces: ['nosuch0'] })
    expect([refused.status, refused.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
  })

  test('is the configuration’s business where that names another address', async () => {
    await using hs = await startHomeserver({
      ...{ users: ['ana'], admins: ['ana'], sockets: true },
      config: ({ listeners }) => Object.assign(listeners.client, { host: '0.0.0.0' }),
    })
    const { home_network } = (await hs.as('ana').get('/_hearth/admin/v1/reachability')).body
    expect(home_network.state).toBe('by_configuration')
    const { url } = home_network.addresses.find(({ address }: { address: string }) => address === readHomeAddress())
    expect((await fetch(new URL('_matrix/client/versions', url))).status).toBe(200)
    expect(await upgrade(url)).toBe('open')

    expect((await hs.as('ana').put(path, { is_on: false })).status).toBe(400)
  })
})

describe('with networks that come and go', () => {
  const lan = (address: string) => ({ lan: [{ address, internal: false } as NetworkInterfaceInfo] })

  function makeNetwork(db: TestDatabase, options: { taken?: readonly number[]; broken?: readonly string[] } = {}) {
    const opened: string[] = []
    const clock = fakeClock()
    const network = { interfaces: lan('10.0.0.1') as Record<string, NetworkInterfaceInfo[]> }
    const home = new HomeNetwork({
      ...{ db, clock, logger: silentLogger, client: { host: '127.0.0.1' }, machineName: 'tower' },
      clientPort: () => 8008,
      async openAt(address, port) {
        if (options.taken?.includes(port)) throw Object.assign(new Error('in use'), { code: 'EADDRINUSE' })
        if (options.broken?.includes(address)) throw new Error('no such address')
        const at = `${address}:${port || 40_000}`
        opened.push(at)
        return {
          port: port || 40_000,
          visitors: () => [],
          close: async () => void opened.splice(opened.indexOf(at), 1),
        }
      },
      readInterfaces: () => network.interfaces,
      readMainAddress: async () => undefined,
      otherHosts: () => ['home.example'],
    })
    return { home, opened, network, clock }
  }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

  test('the listener follows the address, and names of the former are no names any more', async () => {
    await using db = await openTestDatabase()
    const { home, opened, network, clock } = makeNetwork(db)
    await home.choose(true)
    expect(opened).toEqual(['10.0.0.1:8008'])
    expect(['10.0.0.1', 'tower.local', 'home.example', '10.0.0.9'].map(home.isHome)).toEqual([true, true, true, false])

    network.interfaces = lan('10.0.0.2')
    clock.advance(10_000)
    await settled()

    expect(opened).toEqual(['10.0.0.2:8008'])
    expect([home.isHome('10.0.0.1'), home.isHome('10.0.0.2')]).toEqual([false, true])
    await home.close()
    expect(opened).toEqual([])
  })

  test('a network that is away is listened to when it is back', async () => {
    await using db = await openTestDatabase()
    const { home, opened, network, clock } = makeNetwork(db)
    await home.choose(true)
    network.interfaces = {}
    clock.advance(10_000)
    await settled()
    expect(home.state().state).toBe('failed')

    network.interfaces = lan('10.0.0.1')
    clock.advance(10_000)
    await settled()

    expect(opened).toEqual(['10.0.0.1:8008'])
    await home.close()
  })

  test('is looked at by one timer, however often it is chosen', async () => {
    await using db = await openTestDatabase()
    const { home, clock } = makeNetwork(db)

    await Promise.all([home.choose(true), home.choose(true), home.choose(true)])

    expect(clock.timers).toBe(1)
    await home.choose(false)
    expect(clock.timers).toBe(0)
    await home.close()
  })

  test('the choice and the port outlive a restart', async () => {
    await using db = await openTestDatabase()
    const first = makeNetwork(db, { taken: [8008] })
    await first.home.choose(true)
    expect(first.opened).toEqual(['10.0.0.1:40000'])
    await first.home.close()
    const second = makeNetwork(db)

    await second.home.start()

    expect(second.opened).toEqual(['10.0.0.1:40000'])
    await second.home.close()
  })

  test('an address that cannot be had keeps nobody from the others, and is told', async () => {
    await using db = await openTestDatabase()
    const { home, opened, network } = makeNetwork(db, { broken: ['10.0.0.1'] })
    network.interfaces.lan!.push({ address: 'fd00::7', internal: false } as NetworkInterfaceInfo)

    const { state, addresses } = await home.choose(true)

    expect(opened).toEqual(['fd00::7:8008'])
    expect(state).toBe('on')
    expect(addresses).toMatchObject([
      { address: '10.0.0.1', isListening: false, error: 'no such address' },
      { address: 'fd00::7', isListening: true, url: 'http://[fd00::7]:8008/' },
    ])
    await home.close()
  })
})
