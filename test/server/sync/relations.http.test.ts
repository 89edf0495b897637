/** Relations and threads over HTTP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'

type Event = { event_id: string; content: { body?: string }; unsigned: Record<string, unknown> }

describe('relations', () => {
  let hs: TestHomeserver
  let [alice, bob] = [] as unknown as [TestClient, TestClient]
  let roomId: string
  let [root, other] = ['', '']
  let txn = 0
  const at = (rest: string) => `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/${rest}`

  async function send(client: TestClient, type: string, content: Record<string, unknown>): Promise<string> {
    const path = `/rooms/${encodeURIComponent(roomId)}/send/${type}/r${txn++}`
    return (await client.put(path, content)).body.event_id
  }
  const relate = (rel_type: string, event_id: string, key?: string) => ({
    'm.relates_to': { rel_type, event_id, ...(key && { key }) },
  })
  const reply = (client: TestClient, to: string, body: string) =>
    send(client, 'm.room.message', { msgtype: 'm.text', body, ...relate('m.thread', to) })
  const idsOf = (events: Event[]) => events.map(({ event_id }) => event_id)

  beforeAll(async () => {
    hs = await startHomeserver({ users: ['alice', 'bob', 'eve'] })
    ;[alice, bob] = [hs.as('alice'), hs.as('bob')]
    roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    await bob.joinRoom(roomId)
    ;[root, other] = [await alice.say(roomId, 'root'), await alice.say(roomId, 'other')]
  })
  afterAll(() => hs.close())

  test('are found by parent, by relation and by type, in both directions, page by page', async () => {
    const replies = [await reply(bob, root, 'one'), await reply(alice, root, 'two'), await reply(bob, root, 'three')]
    const reaction = await send(bob, 'm.reaction', relate('m.annotation', root, '👍'))

    const all = await alice.get(at(`relations/${root}`))
    const thread = await alice.get(at(`relations/${root}/m.thread?dir=f`))
    const typed = await alice.get(at(`relations/${root}/m.annotation/m.reaction`))
    const first = await alice.get(at(`relations/${root}/m.thread?limit=2`))
    const second = await alice.get(at(`relations/${root}/m.thread?limit=2&from=${first.body.next_batch}`))

    expect(idsOf(all.body.chunk)).toEqual([reaction, ...replies.toReversed()])
    expect(idsOf(thread.body.chunk)).toEqual(replies)
    expect(idsOf(typed.body.chunk)).toEqual([reaction])
    expect(idsOf([...first.body.chunk, ...second.body.chunk])).toEqual(replies.toReversed())
    expect([second.body.next_batch, second.body.prev_batch]).toEqual([undefined, first.body.next_batch])
  })

  test('of relations are found with recurse', async () => {
    const parent = await alice.say(roomId, 'parent')
    const child = await reply(bob, parent, 'child')
    const grandchild = await send(alice, 'm.reaction', relate('m.annotation', child, '🎉'))

    const direct = await alice.get(at(`relations/${parent}`))
    const deep = await alice.get(at(`relations/${parent}?recurse=true`))
    const deepReactions = await alice.get(at(`relations/${parent}/m.annotation?recurse=true`))

    expect(idsOf(direct.body.chunk)).toEqual([child])
    expect(idsOf(deep.body.chunk)).toEqual([grandchild, child])
    expect(idsOf(deepReactions.body.chunk)).toEqual([grandchild])
    expect([direct.body.recursion_depth, deep.body.recursion_depth]).toEqual([undefined, 3])
  })

  test('are hidden from who may not see the event', async () => {
    const refused = await hs.as('eve').get(at(`relations/${root}`))

    expect([refused.status, refused.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })

  test('threads are listed by their last reply, with its summary, also only those one took part in', async () => {
    const latest = await reply(alice, other, 'a late reply')

    const all = await bob.get(at('threads'))
    const own = await bob.get(at('threads?include=participated'))
    const first = await bob.get(at('threads?limit=1'))
    const rest = await bob.get(at(`threads?from=${first.body.next_batch}`))

    expect(idsOf(all.body.chunk).slice(0, 1)).toEqual([other])
    expect(idsOf(all.body.chunk)).toContain(root)
    expect(idsOf(own.body.chunk)).not.toContain(other)
    expect(idsOf([...first.body.chunk, ...rest.body.chunk])).toEqual(idsOf(all.body.chunk))
    expect(all.body.chunk[0].unsigned['m.relations']['m.thread']).toMatchObject({
      latest_event: { event_id: latest },
      count: 1,
      current_user_participated: false,
    })
  })

  test('of threads a page is the same whoever is ignored in them, and one that went on since is on one page alone', async () => {
    const roots = [
      await alice.say(roomId, 'first'),
      await alice.say(roomId, 'second'),
      await alice.say(roomId, 'third'),
    ]
    for (const to of roots) await reply(alice, to, 'by alice')
    await reply(bob, roots[0]!, 'last by bob')
    const ignoring = (users: object) =>
      alice.put(`/user/${alice.userId}/account_data/m.ignored_user_list`, { ignored_users: users })
    const page = async (from?: string) => (await alice.get(at(`threads?limit=2${from ? `&from=${from}` : ''}`))).body

    const first = await page()
    await ignoring({ [bob.userId]: {} })
    const ignored = await page()
    const rest = await page(ignored.next_batch)
    await ignoring({})

    expect(idsOf(first.chunk)).toEqual([roots[0], roots[2]])
    expect(idsOf(ignored.chunk)).toEqual([roots[2], roots[1]])
    expect(idsOf(rest.chunk)[0]).toBe(roots[0])
    // The first one is answered while its reader pages on: it is before their place now.
    await reply(alice, roots[0]!, 'and again')
    const further = await page(first.next_batch)
    expect(idsOf(further.chunk)[0]).toBe(roots[1])
    expect(idsOf(further.chunk)).not.toContain(roots[0])
  })

  test('of threads a long one on top costs several pages at most, and none below it is lost', {
    timeout: 60_000,
  }, async () => {
    const [below, long] = [await alice.say(roomId, 'below'), await alice.say(roomId, 'long')]
    await reply(alice, below, 'one')
    // More replies than a request looks at.
    for (let round = 0; round < 22; round++)
      await Promise.all(Array.from({ length: 100 }, () => reply(bob, long, `r${round}`)))
    const first = await alice.get(at('threads?limit=2'))
    const second = await alice.get(at(`threads?limit=2&from=${first.body.next_batch}`))

    expect(idsOf(first.body.chunk)).toEqual([long])
    expect(idsOf(second.body.chunk)[0]).toBe(below)
  })

  test('a second equal reaction is refused, also at the same time, until the first is taken back', async () => {
    const event = await alice.say(roomId, 'liked')
    const react = (client: TestClient, key: unknown = '👍') =>
      client.put(
        `/rooms/${encodeURIComponent(roomId)}/send/m.reaction/r${txn++}`,
        relate('m.annotation', event, key as string),
      )

    const both = await Promise.all([react(bob), react(bob)])
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400])
    expect(both.find(({ status }) => status === 400)?.body.errcode).toBe('M_DUPLICATE_ANNOTATION')
    const others = await Promise.all([react(alice), react(bob, '👎'), react(bob, 5), react(bob, 5)])
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200])

    const { event_id: first } = both.find(({ status }) => status === 200)!.body
    await bob.put(`/rooms/${encodeURIComponent(roomId)}/redact/${first}/r${txn++}`)
    expect((await react(bob)).status).toBe(200)
    expect((await react(bob)).body.errcode).toBe('M_DUPLICATE_ANNOTATION')
  })

  test('a repeated request for a reaction gets the first answer, and no refusal', async () => {
    const event = await alice.say(roomId, 'liked')
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.reaction/once`
    const first = await bob.put(path, relate('m.annotation', event, '👍'))

    expect(await bob.put(path, relate('m.annotation', event, '👍'))).toMatchObject({ status: 200, body: first.body })
  })

  test('a thread cannot begin at an event that relates to another', async () => {
    const inThread = await reply(bob, root, 'one more')
    const nested = await bob.put(`/rooms/${encodeURIComponent(roomId)}/send/m.room.message/r${txn++}`, {
      body: 'nested',
      ...relate('m.thread', inThread),
    })

    expect([nested.status, nested.body.errcode]).toEqual([400, 'M_UNKNOWN'])
  })
})
