/**
 * DNS as this machine does it: the system's resolver for addresses (hosts file included), the
 * configured name servers for SRV records.
 */
import { lookup, Resolver } from 'node:dns/promises'
import type { Dns } from './resolve-server-name.js'

export function systemDns(): Dns {
  const resolver = new Resolver({ timeout: 3000, tries: 2 })
  return {
    lookup: async (host) =>
      (await lookup(host, { all: true, verbatim: true })).map(({ address, family }) => ({
        address,
        family: family === 6 ? 6 : 4,
      })),
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
