/**
 * From where this server can be reached, as it is: asked of what listens, never of what is configured to.
 *
 * Whether the internet reaches a port cannot be told from inside, and nothing here says so.
 */
import { X509Certificate } from 'node:crypto'
import { hostNameOf } from '../kernel/host-name.js'
import type { HomeNetworkState } from './home-network.js'

export type FederationListener = {
  port: number
  /** Without one it speaks plain HTTP, for a proxy in front that has one. */
  certificate?: { names: string[]; expiresAt: number; isForServer: boolean }
}

export type Reachability = {
  thisMachine: string | undefined
  homeNetwork: HomeNetworkState
  /** What the configuration says of a way in from outside; not tried. */
  publicUrl: string | undefined
  federates: boolean
  federationListener: FederationListener | undefined
}

export type ReadReachability = () => Reachability

type Needs = {
  clientUrl(): string | undefined
  homeNetwork: { state(): HomeNetworkState }
  publicUrl: string | undefined
  federates(): boolean
  federation(): { port: number; certificate: Buffer | undefined } | undefined
  serverName(): string | undefined
}

export const makeReadReachability =
  (needs: Needs): ReadReachability =>
  () => {
    const listener = needs.federation()
    return {
      thisMachine: needs.clientUrl(),
      homeNetwork: needs.homeNetwork.state(),
      publicUrl: needs.publicUrl,
      federates: needs.federates(),
      federationListener: listener && {
        port: listener.port,
        ...(listener.certificate && { certificate: describeCertificate(listener.certificate, needs.serverName()) }),
      },
    }
  }

/** @param pem the certificate first, as a server sends them */
function describeCertificate(pem: Buffer, serverName: string | undefined) {
  const certificate = new X509Certificate(pem)
  const names = [...(certificate.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(
    ([, name]) => name!,
  )
  const host = hostNameOf(serverName)
  return {
    names,
    expiresAt: Date.parse(certificate.validTo),
    isForServer: host !== undefined && certificate.checkHost(host) !== undefined,
  }
}
