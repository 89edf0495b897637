/**
 * From a server name to where to connect: IP literal, explicit port, well-known delegation, SRV, 8448.
 *
 * The numbers below are those of the spec's steps. Addresses are not looked up here but by the
 * connector, so that what is checked is what is connected to.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
 */
import { randomInt } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import { FederationError } from './federation-error.js'
import { bracketed, partsOfServerName, type ServerNameParts } from './server-name-parts.js'
import type { WellKnownCache } from './well-known.js'

export type SrvRecord = { name: string; port: number; priority: number; weight: number }

export type Dns = {
  /** Every address of a name. Throws where there is none. */
  lookup(host: string): Promise<{ address: string; family: 4 | 6 }[]>
  /** Empty where the name has no such records; throws only where DNS itself failed. */
  srv(name: string): Promise<SrvRecord[]>
}

/** One place to connect to. */
export type Target = {
  /** DNS name or IP literal (IPv6 without brackets). */
  host: string
  port: number
  /** For the `Host` header. */
  hostHeader: string
  /** The name or address that the certificate must be for. */
  certificateFor: string
}

/** Places to try in turn; never empty. Throws FederationError `name` where the name leads nowhere. */
export type ResolveServerName = (serverName: ServerName) => Promise<Target[]>

const defaultPort = 8448
// node's resolver does not tell the records' lifetime.
const srvCacheMs = 5 * 60_000

type Needs = { dns: Dns; wellKnown: WellKnownCache; clock: Clock }

export function makeResolveServerName(needs: Needs): ResolveServerName {
  const lookUpSrv = cachedSrv(needs)

  return async function resolveServerName(serverName) {
    const parts = partsOfServerName(serverName)
    if (!parts) throw new FederationError(serverName, 'name', 'not a name that can be resolved')
    // 1. IP literal. 2. Explicit port.
    const direct = directTarget(serverName, parts)
    if (direct) return [direct]
    // 3. Delegation by well-known; 4. and 5. SRV of the name itself; 6. port 8448.
    const delegate = await needs.wellKnown.delegateOf(parts.host)
    const delegated = delegate === undefined ? undefined : partsOfServerName(delegate)
    if (delegate === undefined || !delegated) return bySrv(serverName, parts.host, lookUpSrv)
    // 3.1 IP literal. 3.2 Explicit port. 3.3, 3.4 SRV. 3.5 port 8448.
    const target = directTarget(delegate, delegated)
    return target ? [target] : bySrv(delegate, delegated.host, lookUpSrv)
  }
}

function directTarget(name: string, { host, port, isIpLiteral }: ServerNameParts): Target | undefined {
  if (!isIpLiteral && port === undefined) return undefined
  return { host, port: port ?? defaultPort, hostHeader: name, certificateFor: host }
}

async function bySrv(name: string, host: string, lookUpSrv: (name: string) => Promise<SrvRecord[]>): Promise<Target[]> {
  for (const service of ['_matrix-fed._tcp', '_matrix._tcp']) {
    const records = await lookUpSrv(`${service}.${host}`)
    if (records.length === 0) continue
    const usable = records.filter((record) => record.name !== '' && record.name !== '.')
    // RFC 2782: a sole record with the target "." says that the service is decidedly not there.
    if (usable.length === 0) throw new FederationError(name, 'name', 'its SRV record says that it does not federate')
    return inSrvOrder(usable).map((record) => ({
      host: record.name.replace(/\.$/, ''),
      port: record.port,
      hostHeader: name,
      certificateFor: host,
    }))
  }
  return [{ host, port: defaultPort, hostHeader: bracketed(host), certificateFor: host }]
}

/** RFC 2782: by priority; among equals at random, in proportion to weight. */
export function inSrvOrder(records: readonly SrvRecord[], random: (below: number) => number = randomInt): SrvRecord[] {
  const ordered: SrvRecord[] = []
  for (const priority of [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)) {
    const left = records.filter((record) => record.priority === priority)
    while (left.length > 0) {
      let ticket = random(left.reduce((sum, record) => sum + record.weight, 0) + 1)
      const drawn = left.findIndex((record) => {
        ticket -= record.weight
        return ticket <= 0
      })
      ordered.push(...left.splice(drawn, 1))
    }
  }
  return ordered
}

function cachedSrv({ dns, clock }: Needs): (name: string) => Promise<SrvRecord[]> {
  const known = new LRUCache<string, { records: SrvRecord[]; until: number }>({ max: 5000 })
  return async (name) => {
    const hit = known.get(name)
    if (hit && hit.until > clock.now()) return hit.records
    const records = await dns.srv(name).catch(() => [])
    known.set(name, { records, until: clock.now() + srvCacheMs })
    return records
  }
}
