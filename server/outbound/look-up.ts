/** All addresses of a name, as this machine resolves names: its hosts file included. */
import { lookup } from 'node:dns/promises'

export type Address = { address: string; family: 4 | 6 }
export type LookUp = (host: string) => Promise<Address[]>

export const systemLookUp: LookUp = async (host) =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address, family }) => ({
    address,
    family: family === 6 ? 6 : 4,
  }))
