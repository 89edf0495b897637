/**
 * What strangers may take of this server before anybody knows who they are: connections, time and memory.
 *
 * One for both listeners, since there is one memory. The figures leave room for a family behind one address and a
 * phone on a bad line, and are far below what would hurt: with all of them used up the server holds 128 MiB for others.
 */
import type { Clock } from '../kernel/clock.js'
import { type ByteLimits, type BytesInFlight, makeBytesInFlight } from './bytes-in-flight.js'
import { type ConnectionLimits, type Connections, makeConnections } from './connections.js'

export type AdmissionLimits = { bytes: ByteLimits; connections: ConnectionLimits }

export const admissionLimits: AdmissionLimits = {
  bytes: { perParty: 32 * 1024 * 1024, inAll: 128 * 1024 * 1024, always: 64 * 1024 },
  connections: {
    perAddress: 256,
    inAll: 4_096,
    pipelined: 8,
    headersMs: 20_000,
    handshakeMs: 10_000,
    body: { graceMs: 15_000, bytesPerSecond: 4_096 },
    answer: { graceMs: 30_000, bytesPerSecond: 4_096 },
  },
}

export type Admission = {
  readonly limits: AdmissionLimits
  readonly bytes: BytesInFlight
  readonly connections: Connections
  close(): void
}

/** @param isTrustedProxy whether an address is a proxy of ours, which stands for many people */
export function makeAdmission(options: {
  clock: Clock
  limits?: AdmissionLimits
  isTrustedProxy: (address: string) => boolean
}): Admission {
  const { clock, isTrustedProxy, limits = admissionLimits } = options
  const connections = makeConnections({ clock, isTrustedProxy, limits: limits.connections })
  return { limits, connections, bytes: makeBytesInFlight(limits.bytes), close: connections.close }
}
