/**
 * Child of the caged-engine test: creates, live notifications and scans on the engine module it is
 * given, at the level of bytes. Prints one JSON line of what came back.
 */
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { CborCodec, Uuid } from 'surrealdb'

const [, , modulePath, databasePath, creates, scans] = process.argv
const codec = CborCodec.DEFAULT
const { SurrealNodeEngine } = createRequire(import.meta.url)(modulePath)
const engine = await SurrealNodeEngine.connect(`rocksdb://${databasePath}`, {})

let lastId = 0
async function call(method, params) {
  lastId += 1
  const answer = codec.decode(await engine.execute(codec.encode({ id: String(lastId), method, params })))
  if (answer?.error) throw new Error(answer.error.message)
  return answer
}
async function query(sql, bindings = {}) {
  const replies = await call('query', [sql, bindings])
  for (const { status, result } of replies) if (status === 'ERR') throw new Error(String(result))
  return replies.map(({ result }) => result)
}

const notifications = await engine.notifications()
const heard = []
const hearing = (async () => {
  while (heard.length < Number(creates)) {
    const frame = await notifications.recv()
    if (frame === null) return
    heard.push(codec.decode(frame).result?.n)
  }
})()

await call('use', ['test', 'test'])
await query('DEFINE TABLE row SCHEMALESS')
const [live] = await query('LIVE SELECT * FROM row')
if (!(live instanceof Uuid)) throw new Error(`no live query: ${String(live)}`)
for (let n = 0; n < Number(creates); n++)
  await query('CREATE row SET id = $n, n = $n, body = $body RETURN NONE', { n, body: `${n} `.repeat(100) })
await Promise.race([hearing, new Promise((resolve) => setTimeout(resolve, 5_000))])

const digests = new Set()
let bytes = 0
for (let i = 0; i < Number(scans); i++) {
  const [rows] = await query('SELECT n, body FROM row ORDER BY n')
  const text = JSON.stringify(rows)
  bytes += text.length
  digests.add(createHash('sha256').update(text).digest('hex'))
}
process.stdout.write(
  `${JSON.stringify({
    heard: heard.length,
    heardDistinct: new Set(heard).size,
    digests: [...digests],
    bytes,
    rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
  })}\n`,
)
process.exit(0)
