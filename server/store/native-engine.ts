/**
 * The embedded engine: RocksDB through the native module of `@surrealdb/node`.
 *
 * The package exports only its SDK wrapper, whose native object is private, so the module file is
 * loaded from beside it. Loading waits until the environment is set: the engine reads its knobs once.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Logger } from '../kernel/logger.js'
import { type Engine, EngineClosedError, NotificationFanOut } from './engine.js'

/**
 * Set only where the environment says nothing. Eight workers keep point reads quick beside heavy scans;
 * the caches keep the process under 300 MB and are no slower, since the system caches pages anyway; small blocks,
 * because a read of one row unpacks a whole one. docs/decisions/0019-knobs-of-engine-and-node.md has the figures.
 */
const environment = {
  TOKIO_WORKER_THREADS: '8',
  SURREAL_ROCKSDB_BLOCK_CACHE_SIZE: String(32 * 1024 * 1024),
  SURREAL_ROCKSDB_WRITE_BUFFER_SIZE: String(8 * 1024 * 1024),
  SURREAL_ROCKSDB_MAX_WRITE_BUFFER_NUMBER: '3',
  SURREAL_ROCKSDB_MAX_OPEN_FILES: '256',
  SURREAL_ROCKSDB_BLOCK_SIZE: String(16 * 1024),
}

/**
 * Timeouts are whole seconds and bind our own queries too. Of the functions, the families that reach out,
 * burn time or guess secrets are closed to everyone; a malformed name here would abort the process.
 */
const options = {
  query_timeout: 10,
  transaction_timeout: 10,
  capabilities: {
    scripting: false,
    guest_access: false,
    network_targets: false,
    functions: { allow: true, deny: ['http', 'sleep', 'crypto', 'rand', 'sequence', 'api'] },
  },
}

type NativeReceiver = { recv(): Promise<Uint8Array | null> }
type NativeConnection = {
  execute(request: Uint8Array): Promise<Uint8Array>
  notifications(): Promise<NativeReceiver>
  free(): void
}
type NativeModule = { SurrealNodeEngine: { connect(url: string, options: object): Promise<NativeConnection> } }

/** @throws Error with the engine's own words, e.g. `… While lock file … Resource temporarily unavailable` */
export async function openNativeEngine(url: string, logger: Logger): Promise<Engine> {
  for (const [name, value] of Object.entries(environment)) process.env[name] ??= value
  const connection = await loadNativeModule().SurrealNodeEngine.connect(url, options)
  return new NativeEngine(connection, await connection.notifications(), logger)
}

class NativeEngine implements Engine {
  readonly #connection: NativeConnection
  readonly #fanOut: NotificationFanOut
  readonly #running = new Set<Promise<unknown>>()
  #isClosed = false
  #settleClosed!: () => void
  readonly closed = new Promise<void>((resolve) => {
    this.#settleClosed = resolve
  })

  constructor(connection: NativeConnection, receiver: NativeReceiver, logger: Logger) {
    this.#connection = connection
    this.#fanOut = new NotificationFanOut(logger)
    this.#receive(receiver).catch((error: unknown) => {
      if (!this.#isClosed) logger.error({ err: error }, 'live notifications ended')
    })
  }

  execute(request: Uint8Array): Promise<Uint8Array> {
    if (this.#isClosed) return Promise.reject(new EngineClosedError('the database is closed'))
    const reply = this.#connection.execute(request)
    this.#running.add(reply)
    const done = () => this.#running.delete(reply)
    reply.then(done, done)
    return reply
  }

  onNotification(listener: (frame: Uint8Array) => void): () => void {
    return this.#fanOut.add(listener)
  }

  /** Waits for requests under way, so that no acknowledged write is cut off, then frees the native object. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.closed
    this.#isClosed = true
    await Promise.allSettled(this.#running)
    this.#connection.free()
    this.#settleClosed()
  }

  /** The one receiver of this connection: a second one would share the stream and each would miss messages. */
  async #receive(receiver: NativeReceiver): Promise<void> {
    for (;;) {
      const frame = await receiver.recv()
      if (frame === null || this.#isClosed) return
      this.#fanOut.tell(frame)
    }
  }
}

/**
 * Finds the module by walking `node_modules` folders upwards: the package's exports hide both the file and
 * its `package.json`, and this works alike from sources, from a bundle and from inside an asar archive.
 */
function loadNativeModule(): NativeModule {
  const require = createRequire(import.meta.url)
  const tried: string[] = []
  for (const folder of require.resolve.paths('@surrealdb/node') ?? []) {
    for (const build of builds()) {
      const file = join(folder, '@surrealdb', 'node', 'dist', `surrealdb-node.${build}.node`)
      if (!existsSync(file)) continue
      try {
        return require(file) as NativeModule
      } catch (error) {
        tried.push(`${file}: ${(error as Error).message}`)
      }
    }
  }
  const why = tried.length > 0 ? tried.join('; ') : 'its file was not found'
  throw new Error(`The database engine for ${process.platform} ${process.arch} cannot be loaded: ${why}`)
}

/** Names of the engine's builds that may fit here; on Linux the one for the wrong C library fails to load. */
function builds(): string[] {
  const { platform, arch } = process
  if (platform === 'linux') return [`linux-${arch}-gnu`, `linux-${arch}-musl`]
  return platform === 'win32' ? [`win32-${arch}-msvc`] : [`${platform}-${arch}`]
}
