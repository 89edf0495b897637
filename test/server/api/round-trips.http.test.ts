/** How many round trips to the database the hottest endpoints make until they answer, against the table of docs/performance.md. */
import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'

const trips = vi.hoisted(() => ({ count: 0 }))
vi.mock(import('../../../server/store/native-engine.js'), async (importOriginal) => {
  const { openNativeEngine } = await importOriginal()
  return {
    async openNativeEngine(url, logger) {
      const engine = await openNativeEngine(url, logger)
      const execute = engine.execute.bind(engine)
      return Object.assign(engine, {
        execute(request: Uint8Array) {
          trips.count++
          return execute(request)
        },
      })
    },
  }
})

const documented = new Map(
  readFileSync(new URL('../../../docs/performance.md', import.meta.url), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, request, count] = /^\| ((?:GET|PUT|POST) .+?) \| (\d+) \|$/.exec(line) ?? []
      return request ? [[request, Number(count)] as const] : []
    }),
)

/** The fewest of several times: what the server does by itself in between is not the request's. */
async function count(work: (n: number) => Promise<unknown>, before?: () => Promise<unknown>): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY
  for (let n = 0; n < 8; n++) {
    await before?.()
    await new Promise((resolve) => setTimeout(resolve, 250)) // what is done behind the answer of before
    trips.count = 0
    await work(n)
    fewest = Math.min(fewest, trips.count)
  }
  return fewest
}

async function ok(answer: ReturnType<TestClient['get']>) {
  const { status, body } = await answer
  expect([status, body.errcode]).toEqual([200, undefined])
  return body
}

test('the hottest endpoints make as many round trips as the table says', { timeout: 120_000 }, async () => {
  await using hs = await startHomeserver({ users: ['alice', 'ben'] })
  const [alice, ben] = [hs.as('alice'), hs.as('ben')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await ben.joinRoom(roomId)
  let last = ''
  for (let n = 0; n < 120; n++) last = await alice.say(roomId, `message ${n}`)
  const room = `/rooms/${encodeURIComponent(roomId)}`
  const text = { msgtype: 'm.text', body: 'x' }
  let since = (await ok(ben.get('/sync'))).next_batch
  const sync = async () => {
    since = (await ok(ben.get(`/sync?since=${since}&timeout=0`))).next_batch
  }
  const newest = await ok(alice.get(`${room}/messages?dir=b&limit=20`))
  let older = (await ok(alice.get(`${room}/messages?dir=b&limit=50&from=${newest.end}`))).end

  const measured = {
    'PUT /rooms/{roomId}/send/{eventType}/{txnId}': await count((n) =>
      ok(alice.put(`${room}/send/m.room.message/trip${n}`, text)),
    ),
    'PUT /rooms/{roomId}/state/{eventType}/{stateKey}': await count((n) =>
      ok(alice.put(`${room}/state/m.room.topic/`, { topic: `${n}` })),
    ),
    'GET /sync, with a message': await count(sync, () => alice.say(roomId, 'news')),
    'GET /sync, with nothing new': await count(sync),
    'GET /rooms/{roomId}/messages, newest': await count(() => ok(alice.get(`${room}/messages?dir=b&limit=20`))),
    'GET /rooms/{roomId}/messages, older': await count(async () => {
      older = (await ok(alice.get(`${room}/messages?dir=b&limit=4&from=${older}`))).end
    }),
    'GET /rooms/{roomId}/members': await count(() => ok(alice.get(`${room}/members`))),
    'POST /rooms/{roomId}/receipt/{receiptType}/{eventId}': await count(
      () => ok(ben.post(`${room}/receipt/m.read/${encodeURIComponent(last)}`)),
      async () => {
        last = await alice.say(roomId, 'to be read')
      },
    ),
    'GET /profile/{userId}': await count(() => ok(alice.get(`/profile/${encodeURIComponent(ben.userId)}`))),
    'PUT /user/{userId}/rooms/{roomId}/account_data/{type}': await count((n) =>
      ok(alice.put(`/user/${encodeURIComponent(alice.userId)}${room}/account_data/org.test`, { n })),
    ),
    'POST /_hearth/client/v1/live_token': await count(() => ok(alice.post('/_hearth/client/v1/live_token'))),
  }

  expect(measured).toEqual(Object.fromEntries(documented))
})
