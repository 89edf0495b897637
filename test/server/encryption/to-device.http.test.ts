/** Messages to devices: sent once, delivered in order until they are acknowledged, bounded in every direction. */
import { describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'
import { deleteOldest } from '../../support/to-device.js'

type Messages = Record<string, Record<string, object>>
let txns = 0
const send = (client: TestClient, messages: Messages, txn = `t${++txns}`, type = 'm.test') =>
  client.put(`/sendToDevice/${type}/${txn}`, { messages })
const to = (client: TestClient, content: object, device = client.deviceId): Messages => ({
  [client.userId]: { [device]: content },
})
const sync = async (client: TestClient, since?: string, timeout = 0) => {
  const { body } = await client.get(`/sync?timeout=${timeout}${since ? `&since=${since}` : ''}`)
  const events = (body.to_device?.events ?? []) as { type: string; sender: string; content: { n: number } }[]
  return { events, numbers: events.map(({ content }) => content.n), since: body.next_batch as string }
}
const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)

describe('messages to devices', async () => {
  const hs = await startHomeserver({ users: ['alice'] })
  const alice = hs.as('alice')
  let users = 0
  const newUser = () => hs.register(`user${++users}`, false)
  const localpart = ({ userId }: TestClient) => userId.slice(1, userId.indexOf(':'))

  test('come with sender, type and content, in the order of sending, until a sync goes on from there', async () => {
    const bob = await newUser()
    for (const n of numbers(0, 5)) await send(alice, to(bob, { n }))

    const first = await sync(bob)
    const again = await sync(bob)
    expect(first.events[0]).toEqual({ type: 'm.test', sender: alice.userId, content: { n: 0 } })
    expect(first.numbers).toEqual(numbers(0, 5))
    expect(again.numbers).toEqual(first.numbers)
    await send(alice, to(bob, { n: 5 }))
    expect((await sync(bob, first.since)).numbers).toEqual([5])
    expect((await sync(bob)).numbers).toEqual([5])
  })

  test('a request that is repeated sends nothing more, whatever else it says', async () => {
    const bob = await newUser()
    const txn = `same${++txns}`
    const answers = await Promise.all([send(alice, to(bob, { n: 1 }), txn), send(alice, to(bob, { n: 1 }), txn)])
    answers.push(await send(alice, to(bob, { n: 2 }), txn))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await sync(bob)).numbers).toEqual([1])
    await send(alice, to(bob, { n: 3 }), txn, 'm.other') // another path is another request
    expect((await sync(bob)).numbers).toEqual([1, 3])
  })

  test('`*` is every device of the user; a device that is not there gets nothing, then or later', async () => {
    const bob = await newUser()
    const second = await hs.logIn(localpart(bob))
    await send(alice, to(bob, { n: 1 }, '*'))
    await send(alice, { ...to(bob, { n: 2 }, 'LATER'), '@nobody:test': { '*': {} }, nonsense: { '*': {} } })
    const later = await hs.logIn(localpart(bob), { device_id: 'LATER' })
    expect(await Promise.all([bob, second, later].map(async (each) => (await sync(each)).numbers))).toEqual([
      [1],
      [1],
      [],
    ])
  })

  test('both `*` and the name of a device are two messages', async () => {
    const bob = await newUser()
    await send(alice, { [bob.userId]: { '*': { n: 1 }, [bob.deviceId]: { n: 2 } } })
    expect((await sync(bob)).numbers).toEqual([1, 2])
  })

  test('wake a sync that waits', async () => {
    const bob = await newUser()
    const { since } = await sync(bob)
    const waiting = bob.get(`/sync?since=${since}&timeout=10000`)
    await send(alice, to(bob, { n: 1 }))
    expect((await waiting).body.to_device.events).toHaveLength(1)
  })

  test('an answer has at most a hundred; the rest follow at once, none twice', async () => {
    const bob = await newUser()
    const { since } = await sync(bob)
    for (const n of numbers(0, 250)) await send(alice, to(bob, { n }))

    const first = await sync(bob, since)
    const repeated = await sync(bob, since)
    const second = await sync(bob, first.since, 10_000)
    const third = await sync(bob, second.since)
    const last = await sync(bob, third.since)

    expect(repeated.numbers).toEqual(first.numbers)
    expect([first, second, third, last].map(({ numbers: got }) => got.length)).toEqual([100, 100, 50, 0])
    expect([...first.numbers, ...second.numbers, ...third.numbers]).toEqual(numbers(0, 250))
    // What the first sync of a client is told is cut as well.
    for (const n of numbers(0, 120)) await send(alice, to(bob, { n }))
    const afresh = await sync(bob)
    expect([afresh.numbers.length, (await sync(bob, afresh.since)).numbers]).toEqual([100, numbers(100, 20)])
  })

  test('go with the device, so that a new one of its name does not get them', async () => {
    const bob = await newUser()
    await send(alice, to(bob, { n: 1 }))
    await bob.post('/logout')
    const again = await hs.logIn(localpart(bob), { device_id: bob.deviceId })
    expect((await sync(again)).numbers).toEqual([])
  })

  test('are bounded in size, each and all of a request', async () => {
    const bob = await newUser()
    const tooLarge = { status: 413, body: { errcode: 'M_TOO_LARGE' } }
    expect(await send(alice, to(bob, { text: 'x'.repeat(66_000) }))).toMatchObject(tooLarge)
    const devices = await Promise.all(numbers(0, 70).map(() => hs.logIn(localpart(bob))))
    expect(devices).toHaveLength(70)
    expect(await send(alice, to(bob, { text: 'x'.repeat(64_000) }, '*'))).toMatchObject(tooLarge)
    expect((await sync(bob)).events).toEqual([])
  })
})

test('what a device never fetches does not grow without end: the oldest are dropped', async () => {
  const { kept, dropped, transactions } = await deleteOldest()
  expect(dropped).toBeGreaterThan(0)
  expect(kept[0]).toBe(dropped)
  expect(kept.at(-1)).toBe(kept.length + dropped - 1)
  expect(Math.max(...transactions)).toBeLessThanOrEqual(1_000)
})
