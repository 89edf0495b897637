/**
 * How a socket to another homeserver is opened: the address is looked up here and judged here, so
 * that a name cannot point to the public internet when it is checked and to our own network when it
 * is used. TLS 1.2 or later, and the certificate must be for the name that discovery says.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#tls
 */
import { readFileSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { systemClock } from '../kernel/clock.js'
import { isPrivateAddress } from '../kernel/ip-addresses.js'
import { FederationError } from './federation-error.js'
import type { Dns } from './resolve-server-name.js'

export type TransportRules = {
  verifyCertificates: boolean
  allowPrivateAddresses: boolean
  /** PEM; trusted besides the built-in authorities. */
  caCertificates?: string
}

/** Reads `federation.*` of the configuration. Throws where the CA file cannot be read. */
export function transportRulesOf(config: {
  federation: {
    ca_certificate_path?: string | undefined
    verify_certificates: boolean
    allow_private_addresses: boolean
  }
}): TransportRules {
  const { ca_certificate_path, verify_certificates, allow_private_addresses } = config.federation
  return {
    verifyCertificates: verify_certificates,
    allowPrivateAddresses: allow_private_addresses,
    ...(ca_certificate_path !== undefined && { caCertificates: readFileSync(ca_certificate_path, 'utf8') }),
  }
}

/** Opens TLS to host and port; rejects with FederationError (`name`, `private-address`, `connect`, `certificate`, `timeout`). */
export type OpenSocket = (to: {
  destination: string
  host: string
  port: number
  certificateFor: string
}) => Promise<Socket>

const connectTimeoutMs = 10_000
// With several addresses, how long the first may be silent before the next is tried.
const addressTimeoutMs = 3000

export function makeOpenSocket(needs: { dns: Dns; rules: TransportRules }): OpenSocket {
  const { rules, dns } = needs
  let context: SecureContext | undefined

  async function addressesOf(destination: string, host: string): Promise<string[]> {
    if (isIP(host)) return [host]
    const found = await dns.lookup(host).catch(() => [])
    if (found.length === 0) throw new FederationError(destination, 'name', `no address for ${host}`)
    return found.map(({ address }) => address)
  }

  return async function openSocket({ destination, host, port, certificateFor }) {
    const addresses = await addressesOf(destination, host)
    const usable = addresses.filter((address) => rules.allowPrivateAddresses || !isPrivateAddress(address))
    if (usable.length === 0)
      throw new FederationError(destination, 'private-address', 'its address is not on the public internet')
    context ??= createSecureContext({
      minVersion: 'TLSv1.2',
      ...(rules.caCertificates !== undefined && { ca: [...rootCertificates, rules.caCertificates] }),
    })
    let failure: unknown
    for (const [i, address] of usable.slice(0, 4).entries()) {
      const timeoutMs = i + 1 < usable.length ? addressTimeoutMs : connectTimeoutMs
      try {
        return await openTls({
          destination,
          address,
          port,
          certificateFor,
          context,
          timeoutMs,
          verify: rules.verifyCertificates,
        })
      } catch (error) {
        failure = error
        if (error instanceof FederationError && error.failure === 'certificate') break
      }
    }
    throw failure
  }
}

type TlsOptions = {
  destination: string
  address: string
  port: number
  certificateFor: string
  context: SecureContext
  timeoutMs: number
  verify: boolean
}

function openTls({
  destination,
  address,
  port,
  certificateFor,
  context,
  timeoutMs,
  verify,
}: TlsOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: address,
      port,
      secureContext: context,
      rejectUnauthorized: verify,
      ALPNProtocols: ['http/1.1'],
      // No SNI for IP literals (RFC 6066).
      ...(isIP(certificateFor) === 0 && { servername: certificateFor }),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(certificateFor, certificate),
    })
    const timer = systemClock.after(timeoutMs, () =>
      socket.destroy(new FederationError(destination, 'timeout', 'no connection in time')),
    )
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 60_000)
    socket.once('secureConnect', () => {
      timer.cancel()
      socket.off('error', refuse)
      resolve(socket)
    })
    const refuse = (error: Error) => {
      timer.cancel()
      reject(nameTheCause(destination, error))
    }
    socket.once('error', refuse)
  })
}

function nameTheCause(destination: string, error: Error): FederationError {
  if (error instanceof FederationError) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const isCertificate = /CERT|SELF_SIGNED|ALTNAME|ISSUER|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH/.test(code)
  return isCertificate
    ? new FederationError(destination, 'certificate', `its certificate does not verify (${code})`)
    : new FederationError(destination, 'connect', `cannot be reached (${code || error.name})`)
}
