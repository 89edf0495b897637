/** Which addresses and names are at home. */
import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { homeAddressesOf, homeHostsOf, urlAt } from '../../../server/network/home-addresses.js'

const at = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo

test('private addresses are at home, IPv4 first; loopback, link-local and public ones are not', () => {
  const found = homeAddressesOf({
    lo: [at('127.0.0.1', true), at('::1', true)],
    eth0: [at('fe80::1'), at('fd00::2'), at('2003:e1::5'), at('192.168.1.5')],
    wan: [at('93.184.216.34')],
    zero: [at('169.254.3.4')],
    vpn: [at('100.90.1.1')],
  })

  expect(found).toEqual([
    { address: '192.168.1.5', interface: 'eth0' },
    { address: '100.90.1.1', interface: 'vpn' },
    { address: 'fd00::2', interface: 'eth0' },
  ])
})

test('a machine goes by its addresses and by its name with endings that nobody can register', () => {
  const hosts = homeHostsOf(['192.168.1.5', 'fd00::2'], 'Tower.example.org')

  for (const host of ['192.168.1.5', '[fd00::2]', 'tower', 'tower.local', 'tower.lan']) expect(hosts).toContain(host)
  for (const host of ['tower.example.org', 'tower.box', '192.168.1.6', '']) expect(hosts).not.toContain(host)
})

test('addresses are put into URLs as URLs want them', () => {
  expect(urlAt('192.168.1.5', 8008)).toBe('http://192.168.1.5:8008/')
  expect(urlAt('fd00::2', 8008)).toBe('http://[fd00::2]:8008/')
})
