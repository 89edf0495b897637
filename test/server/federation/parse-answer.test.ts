/** Large answers are read piece by piece, and as `JSON.parse` would read them whole. */
import { expect, test } from 'vitest'
import { parseAnswer } from '../../../server/federation/parse-answer.js'

const maxDepth = 20
/** What makes a text large, and harms none. */
const filler = `"filler": [${Array.from({ length: 4_400 }, (_, n) => `{"n": ${n}, "text": "${'x'.repeat(40)}"}`).join(', ')}]`
const read = (text: string) => parseAnswer(Buffer.from(text), maxDepth)
const large = (members: string) => `{ ${filler} ,${members}}`

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

test('a large answer says what it would say if it were parsed whole', async () => {
  for (const members of [
    '"state": [], "empty": {}, "none": null, "yes": true, "n": -1.5e3',
    '"state": [{"a\\"}": "]\\\\"}, [1, [2]], "ü𝄞\\u0041", 3 , null]',
    '"device_keys": {"@a:b": {"X": {"keys": {}}}, "@c:d": {}} , "two": 1, "two": 2',
    '"__proto__": {"polluted": 1}, "a": {"__proto__": [1]}',
    '"text": "a string of its own, with [ { and \\" in it"',
  ])
    expect(await read(large(members))).toEqual(JSON.parse(large(members)))
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
})

test('what is no JSON is refused wherever it is broken', async () => {
  const members = '"state": [{"a": "b\\\\"}, 1, "c"], "of": {"d": [true]}, "last": 1.5'
  const whole = large(members)
  const start = whole.length - members.length - 3
  for (let at = start; at < whole.length; at++) {
    const broken = [
      () => whole.slice(0, at) + whole.slice(at + 1),
      () => `${whole.slice(0, at)}}${whole.slice(at)}`,
      () => whole.slice(0, at),
    ]
    const text = broken[at % broken.length]!()
    expect(await read(text), text.slice(start)).toEqual(parsed(text))
  }
  for (const text of [`[${whole}]`, `${whole} {}`, `"${'x'.repeat(300_000)}"`]) expect(await read(text)).toBeUndefined()
})

test('a large answer is as deep as a small one may be, and no deeper', async () => {
  const nested = (depth: number) => `"deep": ${'['.repeat(depth)}${']'.repeat(depth)}`
  expect(await read(large(nested(maxDepth - 1)))).toBeDefined()
  expect(await read(large(nested(maxDepth)))).toBeUndefined()
  expect(await read(`{${nested(maxDepth - 1)}}`)).toBeDefined()
  expect(await read(`{${nested(maxDepth)}}`)).toBeUndefined()
})

test('one piece is no way around', async () => {
  expect(await read(`{"a": "${'x'.repeat(5_000_000)}"}`)).toBeUndefined()
})

test('numbers in events keep their spelling', async () => {
  const { canonicalJson } = await import('../../../server/events/canonical-json.js')
  const answer = (await read(large('"pdus": [{"depth": 1.0}]'))) as { pdus: unknown[] }
  expect(canonicalJson(answer.pdus[0], { strict: false })).toBe('{"depth":1.0}')
})

test('others have their turn while a large answer is read', async () => {
  const event = JSON.stringify({ content: { membership: 'join', body: 'x'.repeat(500) }, auth_events: ['$a', '$b'] })
  const body = Buffer.from(`{"state": [${Array(40_000).fill(event).join(',')}]}`)
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const answer = (await parseAnswer(body, maxDepth)) as { state: unknown[] }
  isOver = true

  expect(answer.state).toHaveLength(40_000)
  expect(turns).toBeGreaterThan(3)
})
