/**
 * Which addresses are proxies of ours: they alone may say for whom they speak (`X-Forwarded-For`).
 *
 * Anybody else's word is not taken, or each of their requests could be from somebody else. What is not listed by
 * default is the network the server is in: a container's proxy has to be named.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Networks by the names that stand for them. */
const named: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
}

/** @param proxies addresses, networks (`172.18.0.0/16`) or `loopback` */
export function trustsProxy(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const each of proxies.flatMap((proxy) => named[proxy] ?? [proxy])) {
    const [network = '', bits] = each.split('/')
    const family = isIPv4(network) ? 'ipv4' : 'ipv6'
    list.addSubnet(network, bits === undefined ? (family === 'ipv4' ? 32 : 128) : Number(bits), family)
  }
  return (address) => {
    const bare = address.replace(/^::ffff:(?=\d+\.)/i, '')
    if (isIPv4(bare)) return list.check(bare, 'ipv4')
    return isIPv6(bare) && list.check(bare, 'ipv6')
  }
}
