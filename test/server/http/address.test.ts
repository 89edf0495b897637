/** Which addresses are one party, and which are proxies of ours. */
import { describe, expect, test } from 'vitest'
import { trustsProxy } from '../../../server/http/trusted-proxies.js'
import { partyOf } from '../../../server/kernel/address.js'

describe('parties', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
    ['banana', 'unknown'],
    [undefined, 'unknown'],
  ])('%s is %s', (address, party) => {
    expect(partyOf(address)).toBe(party)
  })

  test('all addresses of a /64 are one party, those of the next another', () => {
    expect(partyOf('2001:db8:1:2:ffff:ffff:ffff:ffff')).toBe(partyOf('2001:db8:1:2::'))
    expect(partyOf('2001:db8:1:3::')).not.toBe(partyOf('2001:db8:1:2::'))
  })
})

describe('proxies', () => {
  test.each([
    [['loopback'], '127.0.0.1', true],
    [['loopback'], '::1', true],
    [['loopback'], '::ffff:127.0.0.1', true],
    [['loopback'], '192.0.2.7', false],
    [['172.18.0.0/16'], '172.18.4.2', true],
    [['172.18.0.0/16'], '172.19.0.1', false],
    [['172.18.0.2'], '172.18.0.2', true],
    [['172.18.0.2'], '172.18.0.3', false],
    [['fd00::/8'], 'fd12::1', true],
    [['fd00::/8'], '2001:db8::1', false],
    [[], '127.0.0.1', false],
    [['loopback'], 'banana', false],
  ])('%j trusts %s: %s', (proxies, address, isTrusted) => {
    expect(trustsProxy(proxies)(address)).toBe(isTrusted)
  })
})
