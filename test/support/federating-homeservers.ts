/** Whole homeservers in this process that federate over TLS on loopback, each under the name `localhost:PORT`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerName } from '../../server/kernel/identifiers.js'
import { freePort } from './free-port.js'
import { startHomeserver, type TestHomeserver } from './homeserver.js'
import { makeTestCa } from './test-ca.js'

export type FederatingHomeservers = AsyncDisposable & { readonly servers: TestHomeserver[] }

/** @param users localparts of each server's users */
export async function startFederatingHomeservers(...users: string[][]): Promise<FederatingHomeservers> {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-federating-'))
  const ca = makeTestCa()
  const { cert, key } = ca.issue(['localhost'])
  const at = (file: string) => join(dir, file)
  await Promise.all([
    writeFile(at('ca.pem'), ca.pem),
    writeFile(at('certificate.pem'), cert),
    writeFile(at('key.pem'), key),
  ])
  const servers: TestHomeserver[] = []
  for (const localparts of users) {
    const port = await freePort()
    const server = await startHomeserver({
      users: localparts,
      serverName: `localhost:${port}`,
      config(config) {
        config.federation.enabled = true
        config.federation.ca_certificate_path = at('ca.pem')
        config.federation.allow_private_addresses = true
        config.federation.trusted_key_servers = [] as ServerName[]
        config.listeners.federation = { enabled: true, host: '127.0.0.1', port }
        config.tls = { certificate_path: at('certificate.pem'), private_key_path: at('key.pem') }
      },
    })
    servers.push(server)
  }
  return {
    servers,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.close()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}
