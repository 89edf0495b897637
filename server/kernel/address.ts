/**
 * Which network party an address stands for: what may be shared out by address is shared out by this.
 *
 * A home has one IPv4 address but a whole /64 of IPv6, from which anybody in it may pick 2⁶⁴ addresses;
 * so IPv6 counts by its first four groups. An IPv4 address in IPv6 clothes is that IPv4 address.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** @param address as a socket or a trusted proxy gives it. @returns what is no address as one party, `unknown` */
export function partyOf(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  if (isIPv4(address)) return address
  const bare = address.split('%', 1)[0]!
  if (!isIPv6(bare)) return 'unknown'
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  return mapped ?? `${groupsOf(bare).slice(0, 4).join(':')}::/64`
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [head = '', tail] = withoutDots(address.toLowerCase()).split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const middle = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return [...before, ...Array<string>(middle).fill('0'), ...after].map((group) => group.replace(/^0+(?=.)/, ''))
}

/** The last 32 bits may be written as IPv4; they are no part of a /64, so their value does not matter. */
const withoutDots = (address: string) => address.replace(/\d+\.\d+\.\d+\.\d+$/, '0:0')
