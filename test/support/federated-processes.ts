/** Two or more built servers that federate over TLS on loopback, each under the name `localhost:PORT`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerProcess, startServerProcess } from './server-process.js'
import { makeTestCa } from './test-ca.js'

export type FederatedProcesses = AsyncDisposable & {
  readonly servers: ServerProcess[]
  /** Starts server `index` again, on the data it left. */
  restart(index: number): Promise<ServerProcess>
}

export async function startFederatedProcesses(count: number): Promise<FederatedProcesses> {
  const dir = await mkdtemp(join(tmpdir(), 'hearth-federated-'))
  const ca = makeTestCa()
  const caPath = join(dir, 'ca.pem')
  const certificatePath = join(dir, 'certificate.pem')
  const keyPath = join(dir, 'key.pem')
  const certificate = ca.issue(['localhost'])
  await writeFile(caPath, ca.pem)
  await writeFile(certificatePath, certificate.cert)
  await writeFile(keyPath, certificate.key)
  const ports = await Promise.all(Array.from({ length: count }, freePort))

  const start = (index: number) =>
    startServerProcess({
      dataDir: join(dir, `server${index}`),
      serverName: `localhost:${ports[index]}`,
      env: {
        HEARTH_FEDERATION_ENABLED: 'true',
        HEARTH_LISTENERS_FEDERATION_ENABLED: 'true',
        HEARTH_LISTENERS_FEDERATION_HOST: '127.0.0.1',
        HEARTH_LISTENERS_FEDERATION_PORT: String(ports[index]),
        HEARTH_TLS_CERTIFICATE_PATH: certificatePath,
        HEARTH_TLS_PRIVATE_KEY_PATH: keyPath,
        HEARTH_FEDERATION_CA_CERTIFICATE_PATH: caPath,
        HEARTH_FEDERATION_ALLOW_PRIVATE_ADDRESSES: 'true',
        HEARTH_FEDERATION_TRUSTED_KEY_SERVERS: '',
      },
    })
  const servers: ServerProcess[] = []
  for (let index = 0; index < count; index++) servers.push(await start(index))
  return {
    servers,
    async restart(index) {
      const server = await start(index)
      servers[index] = server
      return server
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop()))
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (!address || typeof address === 'string') throw new Error('no free port')
  return address.port
}
