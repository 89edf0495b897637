/** Makes a database that has only the first migrations, with a user in it. */
import { createLogger } from '../../../../server/kernel/logger.js'
import { openEngine } from '../../../../server/store/engine.js'
import { migrate, migrations } from '../../../../server/store/migrations.js'
import { makeRpc } from '../../../../server/store/rpc.js'

export async function main({ dir, upTo }: { dir: string; upTo: number }): Promise<void> {
  const logger = createLogger('silent')
  const engine = await openEngine(`rocksdb://${dir}/db`, logger)
  const rpc = makeRpc(engine)
  await rpc.query('DEFINE NAMESPACE matrix; USE NS matrix; DEFINE DATABASE homeserver')
  await rpc.call('use', ['matrix', 'homeserver'])
  await migrate(rpc, migrations.slice(0, upTo), async () => {}, logger)
  await rpc.query(
    "CREATE user:⟨@a:x⟩ SET user_id = '@a:x', status = 'active', admin = true, kind = 'user', created_at = 1; CREATE server_meta:identity SET database_id = 'old'",
  )
  await engine.close()
}
