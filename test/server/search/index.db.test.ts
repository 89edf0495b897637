/** The search index on disk: what is in it after what happens to events, after a crash, and when it is written anew. */
import { describe, expect, test } from 'vitest'
import { searchedWords, wordLimits, wordsOf } from '../../../server/events/words.js'
import { systemClock } from '../../../server/kernel/clock.js'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { Lane } from '../../../server/live/projector/lane.js'
import { workOfChange } from '../../../server/live/projector/work.js'
import { makeRedactEvent } from '../../../server/rooms/redact-event.js'
import { makeFindDocuments, searchLimits } from '../../../server/search/find-documents.js'
import { searchLane } from '../../../server/search/search-lane.js'
import { setProjection } from '../../../server/store/projection-store.js'
import { setSearchProgress } from '../../../server/store/search-store.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { makeTestRooms, user } from '../../support/rooms.js'

const alice = user('alice')

async function begin() {
  const db = await openTestDatabase()
  const hs = await makeTestRooms(db)
  const needs = { db, live: db.live, rooms: hs.rooms, clock: systemClock, logger: silentLogger }
  const edit = (roomId: RoomId, target: string, body: string) =>
    hs.sendEvent(roomId, {
      ...{ type: 'm.room.message', sender: alice },
      content: {
        ...{ msgtype: 'm.text', body: `* ${body}`, 'm.new_content': { msgtype: 'm.text', body } },
        'm.relates_to': { rel_type: 'm.replace', event_id: target },
      },
    })
  /** Runs the lane until it has come to the end. */
  async function run(): Promise<void> {
    const lane = new Lane(needs, searchLane(needs))
    const start = await lane.readMark()
    start()
    const stop = db.onCommitted('project', (changes) =>
      lane.hear(
        changes.flatMap((change) => workOfChange(change) ?? []),
        changes.at(-1)!.position,
      ),
    )
    await lane.reached(db.position)
    stop()
    await lane.close()
  }
  return {
    ...{ db, ...hs, edit, run, redact: makeRedactEvent(hs.rooms, hs.sendEvent) },
    /** Words that somebody could find, of all rooms. */
    words: async () => {
      const [ids] = await db.query<[[string, string, number][]]>('SELECT VALUE record::id(id) FROM search_token')
      return ids.map(([, word]) => word).sort()
    },
    documents: async () =>
      (await db.query<[{ words: string[] }[]]>('SELECT words FROM search_document'))[0]
        .map(({ words }) => words.join(' '))
        .sort(),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  }
}

test('has the words of messages, and of those alone that are in the clear; edits replace them, redactions remove them', async () => {
  await using at = await begin()
  const roomId = await at.createRoom({ creator: alice, name: 'Den' })
  const first = await at.sendText(roomId, alice, 'apple pie')
  const second = await at.sendText(roomId, alice, 'apple tart')
  const content = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'secret', body: 'secret' }
  await at.sendEvent(roomId, { type: 'm.room.encrypted', sender: alice, content })
  await at.sendEvent(roomId, { type: 'org.example', sender: alice, content: { body: 'other' } })
  await at.run()
  expect(await at.words()).toEqual(['apple', 'apple', 'den', 'pie', 'tart'])

  const edited = await at.edit(roomId, first, 'cherry pie')
  await at.redact({ roomId, sender: alice, target: second })
  await at.run()
  expect(await at.words()).toEqual(['cherry', 'den', 'pie'])

  await at.redact({ roomId, sender: alice, target: edited })
  await at.run()
  expect(await at.words()).toEqual(['apple', 'den', 'pie'])
  await at.redact({ roomId, sender: alice, target: first })
  await at.run()
  expect([await at.words(), await at.documents()]).toEqual([['den'], ['den']])
})

test('is the same where the same changes are gone through again, as after a crash before the mark', async () => {
  await using at = await begin()
  const roomId = await at.createRoom({ creator: alice })
  const first = await at.sendText(roomId, alice, 'one')
  const start = at.db.position
  await at.edit(roomId, first, 'two')
  const gone = await at.sendText(roomId, alice, 'three')
  await at.redact({ roomId, sender: alice, target: gone })
  await at.run()
  for (const position of [start, 0]) {
    await at.db.live.writeLive([setProjection('search', position, 1)])
    await at.run()
    expect([await at.words(), await at.documents()]).toEqual([['two'], ['two']])
  }
})

test('is written anew where its form is another, and goes on where that was broken off', async () => {
  await using at = await begin()
  const [one, other] = [await at.createRoom({ creator: alice }), await at.createRoom({ creator: alice })]
  const first = await at.sendText(one, alice, 'early')
  await at.edit(one, first, 'later')
  for (let n = 0; n < 230; n++) await at.sendText(other, alice, `many${n}`)
  await at.run()
  const whole = await at.words()
  expect(whole).toHaveLength(231)

  await at.db.live.writeLive([{ op: 'statement', sql: 'DELETE search_token; DELETE search_document', bindings: {} }])
  await at.db.live.writeLive([setProjection('search', at.db.position, 0)])
  await at.run()
  expect(await at.words()).toEqual(whole)

  // Of one room everything had been written, of the other the newest hundred.
  await at.db.live.writeLive([setProjection('search', at.db.position, 0)])
  const room = await at.rooms.get(other)
  await at.db.live.writeLive([setSearchProgress(one, 1), setSearchProgress(other, room!.maxSeq - 99)])
  for (const word of ['many5', 'many229'])
    await at.db.live.writeLive([
      {
        ...{ op: 'statement', bindings: { word } },
        sql: 'DELETE search_token WHERE id[1] = $word; DELETE search_document WHERE $word IN words',
      },
    ])
  await at.run()
  expect(await at.words()).toEqual(whole.filter((word) => word !== 'many229'))
}, 60_000)

test('of many places the newest are found, in whichever rooms they are, and no more than that is read of each', async () => {
  await using at = await begin()
  const [busy, quiet] = [await at.createRoom({ creator: alice }), await at.createRoom({ creator: alice })]
  const sent: string[] = []
  for (let n = 0; n < searchLimits.places * 2; n++)
    sent.push(await at.sendText(n % 10 === 9 ? quiet : busy, alice, n % 3 ? 'dense' : 'dense other'))
  await at.run()
  const reads: string[] = []
  const db: Pick<typeof at.db, 'query'> = {
    query(sql, bindings) {
      reads.push(sql)
      return at.db.query(sql, bindings)
    },
  }
  const find = makeFindDocuments({ db, rooms: at.rooms, clock: systemClock })
  const query = {
    userId: alice,
    roomIds: [busy, quiet],
    accepts: () => true,
    upTo: async () => Number.MAX_SAFE_INTEGER,
  }
  const newest = async (words: string[]) =>
    (await find({ ...query, words })).sort((a, b) => b.ts - a.ts || b.seq - a.seq).map(({ event_id }) => event_id)

  const dense = await newest(['dense'])
  expect(new Set(dense.slice(0, searchLimits.places - 5))).toEqual(new Set(sent.slice(-searchLimits.places + 5)))
  expect(dense.length).toBeLessThan(sent.length)
  expect(reads.length).toBeLessThan(15)
  expect(await newest(['dense', 'other'])).toHaveLength(Math.ceil(sent.length / 3))
  expect(await newest(['dense', 'absent'])).toEqual([])
}, 60_000)

describe('beside others', () => {
  const needsOf = ({ db, rooms }: Awaited<ReturnType<typeof begin>>) => ({
    ...{ db, live: db.live, rooms, clock: systemClock, logger: silentLogger },
  })

  /** @returns how long the lane rests after a batch that took a tenth of a second */
  async function restAfterBatch(hs: Awaited<ReturnType<typeof begin>>, during: () => unknown) {
    const parts = searchLane(needsOf(hs))
    const { written } = await parts.build([], 0)
    const until = performance.now() + 100
    await during()
    while (performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
    written?.()
    return parts.restMs?.() ?? 0
  }

  test('rests many times as long as it took while somebody writes or the server is busy, else as long', async () => {
    await using hs = await begin()
    const roomId = await hs.createRoom({ creator: alice })
    expect(await restAfterBatch(hs, () => hs.sendText(roomId, alice, 'me first'))).toBeGreaterThan(1_000)
    const spin = () => {
      for (const until = performance.now() + 100; performance.now() < until; );
    }
    expect(await restAfterBatch(hs, spin)).toBeGreaterThan(1_000)
    expect(await restAfterBatch(hs, () => {})).toBeLessThan(500)
  })

  test('what rests neither works nor holds up the end', async () => {
    await using hs = await begin()
    const roomId = await hs.createRoom({ creator: alice, name: 'Kitchen' })
    await hs.sendText(roomId, alice, 'bread')
    const needs = needsOf(hs)
    const lane = new Lane(needs, { ...searchLane(needs), restMs: () => 60_000 })
    ;(await lane.readMark())()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await hs.words()).toEqual([])
    const began = performance.now()
    await lane.close()
    expect(performance.now() - began).toBeLessThan(2_000)
    await hs.run()
    expect(await hs.words()).toEqual(['bread', 'kitchen'])
  })
})

describe('the words of a text', () => {
  test.each([
    ['Hello, World! hello', ['hello', 'world']],
    ['naïve ＦＵＬＬ ǅ', ['naive', 'full', 'dz']],
    ["don't stop_me 4.5", ['don', 't', 'stop_me', '4', '5']],
    ['東京x大', ['x', '東', '京', '東京', '大']],
    ['   ...  ', []],
  ])('%j', (text, words) => {
    expect(wordsOf(text).sort()).toEqual([...words].sort())
  })

  test('are bounded in number and length', () => {
    const long = wordsOf(`${'x'.repeat(500)} ${Array.from({ length: 5_000 }, (_, n) => `w${n}`).join(' ')}`)
    expect(long).toHaveLength(wordLimits.words)
    expect(Math.max(...long.map(({ length }) => length))).toBe(wordLimits.length)
  })

  test('that are searched are among those of a text that says the same', () => {
    for (const text of ['Ein Wort', '東京駅', '日', 'a東b', 'x'.repeat(60)])
      for (const word of searchedWords(text)) expect(wordsOf(`before ${text} after`)).toContain(word)
    expect(searchedWords('東京駅')).toEqual(['東京', '京駅'])
  })
})
