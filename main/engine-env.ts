/**
 * Settings of the embedded database engine, which it reads from the environment when it is loaded.
 *
 * So this module is evaluated before anything imports the engine: `start-server.ts` imports it and
 * loads the server only afterwards. Eight workers keep a few heavy scans from starving every other
 * query; the caches are small because the system's page cache serves the misses as fast. A value
 * that is set already wins.
 */
const settings = {
  TOKIO_WORKER_THREADS: '8',
  SURREAL_ROCKSDB_BLOCK_CACHE_SIZE: '33554432',
  SURREAL_ROCKSDB_WRITE_BUFFER_SIZE: '8388608',
  SURREAL_ROCKSDB_MAX_WRITE_BUFFER_NUMBER: '3',
  SURREAL_ROCKSDB_MAX_OPEN_FILES: '256',
}

for (const [name, value] of Object.entries(settings)) process.env[name] ??= value
