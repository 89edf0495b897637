/**
 * A client in a process of its own with the unmodified `surrealdb` SDK: it does what the parent says, one
 * call at a time, and reports live notifications as they come.
 *
 * Messages in: `{ call, method, args }`. Messages out: `{ call, ok, value | error }`, and
 * `{ live, action, row, at }` with the wall clock at arrival, `{ event, … }` for the connection's own.
 */
import { RecordId, Surreal, Table } from 'surrealdb'
import { WebSocket } from 'ws'

/** The SDK wants a browser's socket; ws is one. One message per turn, or the SDK's iterator loses some. */
class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { allowSynchronousEvents: false })
    this.addEventListener('close', ({ code, reason }) => process.send({ event: 'close', code, reason }))
  }
}

const db = new Surreal({ websocketImpl: Socket })
const sessions = new Map()
const subscriptions = new Map()
const on = (name) => (name ? sessions.get(name) : db)
const plain = (value) => JSON.parse(JSON.stringify(value ?? null))

const methods = {
  connect: (url) => db.connect(url, { reconnect: false }),
  use: (namespace, database) => db.use({ namespace, database }),
  authenticate: (token, session) => on(session).authenticate(token),
  query: async (sql, bindings = {}, session) => plain(await on(session).query(sql, bindings).collect()),
  set: (name, value) => db.set(name, value),
  async live(name, sql, bindings = {}) {
    const [id, ...rest] = await db.query(sql, bindings).collect()
    await follow(name, await db.liveOf(id))
    return plain(rest)
  },
  async liveTable(name, table) {
    await follow(name, await db.live(new Table(table)))
  },
  async kill(name) {
    await subscriptions.get(name).kill()
  },
  async select(table, id) {
    return plain(await db.select(new RecordId(table, id)))
  },
  async newSession(name) {
    sessions.set(name, await db.newSession())
  },
  useIn: (session, namespace, database) => on(session).use({ namespace, database }),
  invalidate: () => db.invalidate(),
  reset: () => db.reset(),
  signin: (auth) => db.signin(auth),
  begin: async () => plain(await db.beginTransaction()),
  close: () => db.close(),
}

async function follow(name, subscription) {
  subscriptions.set(name, subscription)
  subscription.subscribe(({ action, value }) => {
    process.send({ live: name, action, row: plain(value), at: Date.now() })
  })
}

process.on('message', async ({ call, method, args }) => {
  try {
    process.send({ call, ok: true, value: (await methods[method](...args)) ?? null })
  } catch (error) {
    process.send({ call, ok: false, error: `${error.name}: ${error.message}` })
  }
})
