/**
 * DNS as this machine does it: the system's resolver for addresses (hosts file included), the
 * configured name servers for SRV records.
 */
import { Resolver } from 'node:dns/promises'
import { systemLookUp } from '../outbound/look-up.js'
import type { Dns } from './resolve-server-name.js'

export function systemDns(): Dns {
  const resolver = new Resolver({ timeout: 3000, tries: 2 })
  return {
    lookup: systemLookUp,
    async srv(name) {
      try {
        return await resolver.resolveSrv(name)
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code
        if (code === 'ENOTFOUND' || code === 'ENODATA') return []
        throw error
      }
    },
  }
}
