/** Homeservers that federate with each other over TLS on loopback, under one test authority. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type FederationServer,
  type FederationServerOptions,
  type Ports,
  startFederationServer,
} from './federation-server.js'
import { makeTestCa, type TestCa } from './test-ca.js'

export type Federated = AsyncDisposable & {
  readonly servers: FederationServer[]
  readonly ca: TestCa
  readonly ports: Ports
}

/** Servers named `a.test`, `b.test`, … in this process, each with a database of its own. */
export async function startFederation(
  count: number,
  options: Partial<Pick<FederationServerOptions, 'config' | 'logger'>> = {},
): Promise<Federated> {
  const ca = makeTestCa()
  const ports: Ports = new Map()
  const dir = await mkdtemp(join(tmpdir(), 'hearth-federation-'))
  const names = Array.from({ length: count }, (_, i) => `${String.fromCharCode(97 + i)}.test`)
  const servers: FederationServer[] = []
  for (const name of names) {
    const certificate = ca.issue([name])
    servers.push(
      await startFederationServer({ name, dataDir: join(dir, name), certificate, caPem: ca.pem, ports, ...options }),
    )
  }
  return {
    servers,
    ca,
    ports,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.close()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}
