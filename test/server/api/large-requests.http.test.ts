/** What the largest requests of a client make the commit queue write at once. */
import { expect, test } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

async function largestTransaction(hs: TestHomeserver): Promise<number> {
  const { body } = await hs.as('alice').get('/metrics')
  return Number(/^hearth_commit_largest_bytes (\S+)$/m.exec(String(body))?.[1])
}
const text = (kb: number) => 'x'.repeat(kb * 1000)

test('a room that begins with megabytes of state is refused or made, never in one large transaction', async () => {
  await using hs = await startHomeserver({ users: ['alice'], admins: ['alice'] })
  const alice = hs.as('alice')
  const createWith = (count: number) =>
    alice.post('/createRoom', {
      initial_state: Array.from({ length: count }, (_, n) => ({
        type: 'm.test',
        state_key: `${n}`,
        content: { text: text(60) },
      })),
    })

  expect((await createWith(20)).status).toBe(200)
  const refused = await createWith(150)
  const made = await createWith(1)

  expect([refused.status, refused.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
  expect(made.status).toBe(200)
  expect(await largestTransaction(hs)).toBeLessThanOrEqual(8_000_000)
})

test('two hundred of the largest messages at once share no transaction that is too large', async () => {
  await using hs = await startHomeserver({ users: ['alice'], admins: ['alice'] })
  const alice = hs.as('alice')
  const roomId = await alice.createRoom()

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      alice.put(`/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${n}`, { msgtype: 'm.text', body: text(60) }),
    ),
  )

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const largest = await largestTransaction(hs)
  expect(largest).toBeGreaterThan(500_000)
  expect(largest).toBeLessThanOrEqual(8_000_000)
})
