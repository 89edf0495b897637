/**
 * Which IP addresses are not the public internet: the guard against being sent to our own network.
 *
 * Asked about the address a socket is about to connect to, never about a name, so that a name that
 * changes its mind between two lookups gains nothing.
 *
 * Source: https://www.iana.org/assignments/iana-ipv4-special-registry/ and iana-ipv6-special-registry.
 */
import { BlockList, isIP } from 'node:net'

const notPublic = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  notPublic.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  ['::', 128],
  ['::1', 128],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16], // 6to4 wraps any IPv4 address; nothing public lives there any more
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  notPublic.addSubnet(network, bits, 'ipv6')

/** IPv4 addresses that an IPv6 address stands for: `::ffff:0:0/96` (mapped), `::/96` (compatible) and `64:ff9b::/96` (NAT64). */
const embedding = new BlockList()
embedding.addSubnet('::ffff:0:0', 96, 'ipv6')
embedding.addSubnet('::', 96, 'ipv6')
embedding.addSubnet('64:ff9b::', 96, 'ipv6')

/** @param address an IP literal, without brackets; anything else counts as private */
export function isPrivateAddress(address: string): boolean {
  const bare = address.split('%')[0]!
  const family = isIP(bare)
  if (family === 4) return notPublic.check(bare, 'ipv4')
  if (family !== 6) return true
  if (notPublic.check(bare, 'ipv6')) return true
  const embedded = embedding.check(bare, 'ipv6') ? lastFourBytes(bare) : undefined
  return embedded !== undefined && notPublic.check(embedded, 'ipv4')
}

function lastFourBytes(ipv6: string): string {
  // The URL parser spells every IPv6 address in one way, with hexadecimal groups only.
  const groups = new URL(`http://[${ipv6}]/`).hostname.slice(1, -1).split(':')
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16)) as [number, number]
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
