/** Which upgrades are let in. */
import { describe, expect, test } from 'vitest'
import { checkUpgrade } from '../../../server/live/websocket.js'

const site = {
  ...{ serverName: 'example.org', publicBaseUrl: 'https://chat.example.org', listenHost: '192.168.1.5' },
  isHome: (host: string) => host === '192.168.7.7',
}
const ask = (headers: Record<string, string>, url = '/_hearth/live/rpc') =>
  checkUpgrade({ url, headers: { 'sec-websocket-protocol': 'cbor', ...headers } }, site)

describe('an upgrade to the live channel', () => {
  test.each([
    ['this machine', 'localhost:8008'],
    ['loopback', '127.0.0.1:8008'],
    ['loopback by another number', '127.1.2.3'],
    ['IPv6 loopback', '[::1]:8008'],
    ['the server name', 'example.org'],
    ['the server name with a port', 'EXAMPLE.org:8448'],
    ['the public address', 'chat.example.org'],
    ['the address it listens on', '192.168.1.5:8008'],
    ['an address at home', '192.168.7.7:8008'],
  ])('is welcome by the name of %s', (_, host) => {
    expect(ask({ host })).toBeUndefined()
  })

  test.each([
    ['none', {}],
    ['a stranger', { host: 'evil.example' }],
    ['a stranger that resolves to us', { host: '127.0.0.1.evil.example' }],
    ['a name that begins like ours', { host: 'example.org.evil.example' }],
    ['a user before the host', { host: 'localhost@evil.example' }],
    ['a path behind the host', { host: 'localhost/evil' }],
  ])('is refused where the Host is %s', (_, headers) => {
    expect(ask(headers as Record<string, string>)).toBe('421 Misdirected Request')
  })

  test('comes from our own page or from no page', () => {
    const host = 'localhost:8008'
    expect(ask({ host, origin: 'http://localhost:8008' })).toBeUndefined()
    expect(ask({ host, origin: 'https://chat.example.org' })).toBeUndefined()
    for (const origin of [
      'http://localhost:9999',
      'https://evil.example',
      'null',
      'file://localhost:8008',
      'app://localhost:8008',
    ])
      expect(ask({ host, origin })).toBe('403 Forbidden')
  })

  test('names the subprotocol and the path', () => {
    expect(ask({ host: 'localhost', 'sec-websocket-protocol': 'json' })).toBe('400 Bad Request')
    expect(ask({ host: 'localhost', 'sec-websocket-protocol': 'json, cbor' })).toBeUndefined()
    expect(ask({ host: 'localhost' }, '/_hearth/live/other')).toBe('404 Not Found')
    expect(ask({ host: 'localhost' }, '/_hearth/live/rpc?x=1')).toBeUndefined()
  })
})
