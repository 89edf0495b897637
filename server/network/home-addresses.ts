/**
 * The addresses of this machine on networks at home, and the names by which it goes there.
 *
 * Public addresses are none of them: plain HTTP has no business on the internet. Neither are link-local ones, which no
 * browser can be sent to without naming an interface.
 */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { hostNameOf } from '../kernel/host-name.js'
import { isPrivateAddress } from '../kernel/ip-addresses.js'

export type HomeAddress = {
  address: string
  /** As the system names it, `eth0`. A network keeps its interface while its addresses come and go. */
  interface: string
}

export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

const linkLocal = /^(?:169\.254\.|fe[89ab])/i

/** IPv4 first: it is what people can type. */
export function homeAddressesOf(interfaces: Interfaces): HomeAddress[] {
  const found = Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ address, internal }) => !internal && isPrivateAddress(address) && !linkLocal.test(address))
      .map(({ address }) => ({ address, interface: name })),
  )
  return found.sort((a, b) => Number(isIPv6(a.address)) - Number(isIPv6(b.address)))
}

/** A place that nobody is at; connecting a UDP socket sends nothing. */
const elsewhere = { address: '203.0.113.1', port: 9 }

/** The address by which this machine goes out: that of the network it is mainly on. Undefined without one. */
export function readMainAddress(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const done = (address?: string) => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => done())
    socket.connect(elsewhere.port, elsewhere.address, () => done(socket.address().address))
  })
}

export const urlAt = (address: string, port: number) => `http://${isIPv6(address) ? `[${address}]` : address}:${port}/`

/** Endings that no name of the internet has, so that nobody elsewhere can make such a name lead here. */
const homeEndings = ['', '.local', '.lan', '.home', '.home.arpa', '.internal', '.localdomain']

/**
 * Hosts by which a browser at home may ask for this machine, as URLs spell them. Any other name that leads here was
 * made to, by a page that wants to pass for ours (DNS rebinding).
 */
export function homeHostsOf(addresses: readonly string[], machineName: string): Set<string> {
  const short = machineName.toLowerCase().split('.')[0]
  const names = short ? homeEndings.map((ending) => short + ending) : []
  const hosts = [...addresses.map((address) => (isIPv6(address) ? `[${address}]` : address)), ...names]
  return new Set(hosts.flatMap((host) => hostNameOf(host) ?? []))
}
