/** POST /search: what is found, by whom, in what order, and what is found no more. */
import { afterAll, describe, expect, test } from 'vitest'
import { startHomeserver, type TestClient } from '../../support/homeserver.js'
import { forbidden, type Step, sightSteps, sightTable } from '../../support/sight-table.js'

type Hit = {
  rank: number
  result: { event_id: string; room_id: string; type: string; content: Record<string, string> }
  context?: Record<string, never>
}
type Found = {
  count: number
  highlights: string[]
  results: Hit[]
  next_batch?: string
  state?: object
  groups?: Record<string, Record<string, { results: string[]; order: number; next_batch?: string }>>
}

const path = (roomId: string, rest: string) => `/rooms/${encodeURIComponent(roomId)}/${rest}`

describe('a search', async () => {
  const hs = await startHomeserver({ users: ['alice'] })
  afterAll(() => hs.close())
  const alice = hs.as('alice')
  let serial = 0
  const newUser = () => hs.register(`user${++serial}`, false)

  async function search(
    client: TestClient,
    search_term: string,
    more: object = {},
    nextBatch?: string,
  ): Promise<Found> {
    const body = { search_categories: { room_events: { search_term, order_by: 'recent', ...more } } }
    const answer = await client.post(`/search${nextBatch ? `?next_batch=${nextBatch}` : ''}`, body)
    expect(answer.status).toBe(200)
    return answer.body.search_categories.room_events
  }
  const texts = ({ results }: Found) =>
    results.map(({ result: { content } }) => content.body ?? content.name ?? content.topic)
  /** Once the index has come so far. */
  const finds = (client: TestClient, term: string, expected: string[], more: object = {}) =>
    expect.poll(async () => texts(await search(client, term, more)), { timeout: 10_000 }).toEqual(expected)

  test('finds messages that have all the words, whatever their case and accents, the newest first', async () => {
    const roomId = await alice.createRoom()
    for (const text of ['Crème brûlée for two', 'creme fraiche', 'for two, please', 'two creme caramels FOR me'])
      await alice.say(roomId, text)
    await finds(alice, 'creme for TWO', ['two creme caramels FOR me', 'Crème brûlée for two'])
    await finds(alice, 'Brûlée', ['Crème brûlée for two'])
    const found = await search(alice, 'creme, fraîche!')
    expect(found).toMatchObject({ count: 1, highlights: ['creme', 'fraiche'] })
    expect((await search(alice, 'creme absent')).results).toEqual([])
    expect((await search(alice, '...')).results).toEqual([])
  })

  test('finds what is written without spaces', async () => {
    const roomId = await alice.createRoom()
    await alice.say(roomId, '昨日東京駅で会いました')
    await finds(alice, '東京', ['昨日東京駅で会いました'])
    expect(texts(await search(alice, '京東'))).toEqual([])
    expect(texts(await search(alice, '駅'))).toEqual(['昨日東京駅で会いました'])
  })

  test('finds names and topics, where they are asked for or nothing is said', async () => {
    const roomId = await alice.createRoom({ name: 'Walnut room', topic: 'walnut talk' })
    await alice.say(roomId, 'walnut')
    await finds(alice, 'walnut', ['walnut', 'walnut talk', 'Walnut room'])
    expect(texts(await search(alice, 'walnut', { keys: ['content.name'] }))).toEqual(['Walnut room'])
    expect(texts(await search(alice, 'walnut', { keys: ['content.body', 'content.topic'] }))).toEqual([
      'walnut',
      'walnut talk',
    ])
  })

  test('does not find what is redacted, nor what a message said before its edit', async () => {
    const roomId = await alice.createRoom()
    const gone = await alice.say(roomId, 'pear gone')
    const edited = await alice.say(roomId, 'pear before')
    await finds(alice, 'pear', ['pear before', 'pear gone'])
    await alice.put(path(roomId, `redact/${gone}/r${serial}`))
    await finds(alice, 'pear', ['pear before'])
    const edit = (body: string, txn: string) =>
      alice.put(path(roomId, `send/m.room.message/${txn}`), {
        ...{ msgtype: 'm.text', body: `* ${body}`, 'm.new_content': { msgtype: 'm.text', body } },
        'm.relates_to': { rel_type: 'm.replace', event_id: edited },
      })
    const last = await edit('quince after', 'e1')
    await finds(alice, 'quince', ['pear before'])
    expect(texts(await search(alice, 'pear'))).toEqual([])
    const [{ result }] = (await search(alice, 'quince')).results as unknown as [
      { result: { unsigned: Record<string, never> } },
    ]
    expect(result.unsigned['m.relations']).toMatchObject({ 'm.replace': { event_id: last.body.event_id } })

    await alice.put(path(roomId, `redact/${last.body.event_id}/r2`))
    await finds(alice, 'pear', ['pear before'])
    expect(texts(await search(alice, 'quince'))).toEqual([])
  })

  test('nobody else edits what is found', async () => {
    const bob = await newUser()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.joinRoom(roomId)
    const eventId = await alice.say(roomId, 'plum of Alice')
    await bob.put(path(roomId, 'send/m.room.message/x1'), {
      ...{ msgtype: 'm.text', body: '* forged', 'm.new_content': { msgtype: 'm.text', body: 'forged' } },
      'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
    })
    await alice.say(roomId, 'plum later')
    await finds(alice, 'plum', ['plum later', 'plum of Alice'])
    expect(texts(await search(alice, 'forged'))).toEqual([])
  })

  test('shows what was said around, who they were then, and the state of the rooms', async () => {
    const roomId = await alice.createRoom({ name: 'Context' })
    const ids: string[] = []
    for (const text of ['one', 'two', 'the fig', 'four', 'five']) ids.push(await alice.say(roomId, text))
    await finds(alice, 'fig', ['the fig'])
    const found = await search(alice, 'fig', {
      event_context: { before_limit: 1, after_limit: 1, include_profile: true },
      include_state: true,
    })
    expect(found.results[0]).toMatchObject({
      result: { event_id: ids[2], room_id: roomId },
      context: {
        events_before: [{ event_id: ids[1] }],
        events_after: [{ event_id: ids[3] }],
        profile_info: { [alice.userId]: { displayname: 'alice' } },
      },
    })
    expect(found.state).toEqual({
      [roomId]: expect.arrayContaining([expect.objectContaining({ type: 'm.room.name' })]),
    })
    const { start, end } = found.results[0]!.context as unknown as { start: string; end: string }
    const before = await alice.get(path(roomId, `messages?dir=b&limit=1&from=${start}`))
    expect(before.body.chunk[0].event_id).toBe(ids[0])
    const after = await alice.get(path(roomId, `messages?dir=f&limit=1&from=${end}`))
    expect(after.body.chunk[0].event_id).toBe(ids[4])
  })

  test('is paged without a gap or a repetition while more is said, and grouped by room and sender', async () => {
    const bob = await newUser()
    const rooms = [await alice.createRoom({ preset: 'public_chat' }), await alice.createRoom({ preset: 'public_chat' })]
    for (const roomId of rooms) await bob.joinRoom(roomId)
    const all = Array.from({ length: 25 }, (_, n) => `date ${n}`)
    for (const [n, text] of all.entries()) await (n % 3 ? alice : bob).say(rooms[n % 2]!, text)
    await expect.poll(async () => (await search(bob, 'date')).count, { timeout: 10_000 }).toBe(25)
    const got: unknown[] = []
    let page = await search(bob, 'date', { filter: { limit: 10 } })
    for (let pages = 1; pages <= 3; pages++) {
      expect(page.results).toHaveLength(pages < 3 ? 10 : 5)
      got.push(...texts(page))
      await alice.say(rooms[0]!, 'date later')
      if (page.next_batch) page = await search(bob, 'date', { filter: { limit: 10 } }, page.next_batch)
    }
    expect(page.next_batch).toBeUndefined()
    expect(got).toEqual(all.toReversed())

    const groupings = { group_by: [{ key: 'room_id' }, { key: 'sender' }] }
    const grouped = await search(bob, 'date', { filter: { limit: 4 }, groupings })
    const groups = grouped.groups!
    expect(Object.keys(groups).sort()).toEqual(['room_id', 'sender'])
    const ids = grouped.results.map(({ result }) => result.event_id)
    expect(
      Object.values(groups.room_id!)
        .flatMap(({ results }) => results)
        .sort(),
    ).toEqual([...ids].sort())
    const ofAlice = groups.sender![alice.userId]!
    const more = await search(bob, 'date', { filter: { limit: 100 }, groupings }, ofAlice.next_batch)
    const senders = new Set(more.results.map(({ result }) => (result as unknown as { sender: string }).sender))
    expect(senders).toEqual(new Set([alice.userId]))
    const seen = new Set(more.results.map(({ result }) => result.event_id))
    expect(ofAlice.results.some((id) => seen.has(id))).toBe(false)
  })

  test('ranks short messages first where that is asked for, and obeys the filter', async () => {
    const bob = await newUser()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.joinRoom(roomId)
    await alice.say(roomId, 'kiwi')
    await bob.say(roomId, 'a kiwi among many other words')
    await alice.put(path(roomId, 'send/m.room.message/u1'), {
      msgtype: 'm.image',
      body: 'kiwi picture',
      url: 'mxc://test/x',
    })
    await finds(bob, 'kiwi', ['kiwi', 'kiwi picture', 'a kiwi among many other words'], { order_by: 'rank' })
    expect(texts(await search(bob, 'kiwi', { filter: { senders: [bob.userId] } }))).toEqual([
      'a kiwi among many other words',
    ])
    expect(texts(await search(bob, 'kiwi', { filter: { contains_url: true } }))).toEqual(['kiwi picture'])
    expect(texts(await search(bob, 'kiwi', { filter: { not_rooms: [roomId] } }))).toEqual([])
    expect(texts(await search(bob, 'kiwi', { filter: { rooms: ['!other:test'] } }))).toEqual([])
    await bob.put(`/user/${bob.userId}/account_data/m.ignored_user_list`, { ignored_users: { [alice.userId]: {} } })
    expect(await search(bob, 'kiwi')).toMatchObject({ count: 1 })
  })

  test.each(Object.keys(sightTable) as (keyof typeof sightTable)[])(
    'finds, in a room whose history is %s, what its user may see, and counts nothing else',
    async (visibility) => {
      const bob = await newUser()
      const state = [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } }]
      const roomId = await alice.createRoom({ initial_state: state })
      const to = (verb: string) => alice.post(path(roomId, verb), { user_id: bob.userId })
      const happen: Record<Step, () => Promise<unknown>> = {
        stranger: async () => undefined,
        invited: () => to('invite'),
        joined: () => bob.joinRoom(roomId),
        left: () => bob.leaveRoom(roomId),
        reinvited: () => to('invite'),
        rejoined: () => bob.joinRoom(roomId),
        banned: () => to('ban'),
        forgotten: () => bob.post(path(roomId, 'forget')),
      }
      const word = `sight${visibility.replace('_', '')}`
      for (const [n, step] of sightSteps.entries()) {
        await happen[step]()
        await alice.say(roomId, `${word} ${step}`)
        await expect.poll(async () => (await search(alice, word)).count, { timeout: 10_000 }).toBe(n + 1)
        const seen = sightTable[visibility][step]
        const isIn = step !== 'stranger' && step !== 'forgotten'
        const expected = isIn && seen !== forbidden ? seen.split(' ') : []
        const found = await search(bob, word)
        expect(texts(found).toReversed(), step).toEqual(expected.map((each) => `${word} ${each}`))
        expect(found.count, step).toBe(expected.length)
      }
    },
    30_000,
  )

  test('costs a bounded time, whatever is searched for', async () => {
    const roomId = await alice.createRoom()
    await alice.say(roomId, `${'a '.repeat(9_000)} ${'wörd'.repeat(3_000)}`)
    const start = performance.now()
    for (const term of ['a '.repeat(9_000), 'x'.repeat(50_000), '\u0301'.repeat(5_000), '東'.repeat(3_000), '%_*?'])
      expect((await search(alice, term)).results.length).toBeLessThanOrEqual(10)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  test('without a category finds nothing; a bad token or filter is refused', async () => {
    expect((await alice.post('/search', { search_categories: {} })).body).toEqual({ search_categories: {} })
    const room_events = { search_term: 'x' }
    expect((await alice.post('/search?next_batch=t1_1', { search_categories: { room_events } })).status).toBe(400)
    const bad = [
      { search_term: 7 },
      {},
      { ...room_events, order_by: 'best' },
      { ...room_events, filter: { rooms: 'x' } },
    ]
    for (const each of bad)
      expect((await alice.post('/search', { search_categories: { room_events: each } })).status).toBe(400)
  })
})
