/**
 * Sockets to places that users name: web pages, push gateways, application services.
 *
 * The address is looked up and judged at the socket itself, so that a name cannot be public when it is checked and our
 * own network when it is used. Every redirect and every new connection comes through here.
 */
import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { isPrivateAddress } from '../kernel/ip-addresses.js'
import type { LookUp } from './look-up.js'
import { OutboundError } from './outbound-error.js'

export type OutboundRules = { verifyCertificates: boolean; allowPrivateAddresses: boolean }

const connectTimeoutMs = 10_000

const refused = () => new OutboundError('private-address', 'its address is not on the public internet')

export function makeOpenSocket({ lookUp, rules }: { lookUp: LookUp; rules: OutboundRules }): buildConnector.connector {
  const mayConnect = (address: string) => rules.allowPrivateAddresses || !isPrivateAddress(address)

  async function usableAddresses(host: string): Promise<LookupAddress[]> {
    const found = await lookUp(host).catch(() => [])
    if (found.length === 0) throw new OutboundError('name', 'no address for that name')
    const usable = found.filter(({ address }) => mayConnect(address))
    if (usable.length === 0) throw refused()
    return usable
  }

  const lookup: LookupFunction = (host, options, callback) => {
    usableAddresses(host).then(
      (addresses) => {
        const [first] = addresses
        if (options.all) callback(null, addresses)
        else callback(null, first!.address, first!.family)
      },
      (error: Error) => callback(error, ''),
    )
  }

  const connect = buildConnector({
    timeout: connectTimeoutMs,
    rejectUnauthorized: rules.verifyCertificates,
    minVersion: 'TLSv1.2',
    autoSelectFamily: true,
    lookup,
  })

  return (options, callback) => {
    const literal = options.hostname.replace(/^\[|\]$/g, '')
    // A literal is not looked up, so it is judged here.
    if (isIP(literal) !== 0 && !mayConnect(literal)) return callback(refused(), null)
    connect(options, callback)
  }
}
