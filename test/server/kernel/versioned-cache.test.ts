/** What a cache keeps of loads that cross changes. */
import { expect, test } from 'vitest'
import { cacheBytes, VersionedCache } from '../../../server/kernel/versioned-cache.js'

const one = (value: string) => ({ value, bytes: value.length })

/** A load that answers when told to. */
function slowLoad() {
  const answers: ((value: string) => void)[] = []
  const load = () => new Promise<{ value: string; bytes: number }>((resolve) => answers.push((v) => resolve(one(v))))
  return { load, answers }
}

test('a value is loaded once and kept; nothing is not kept', async () => {
  const cache = new VersionedCache<string, string>('test', 1_000)
  let loads = 0
  const load = async () => (++loads > 1 ? one('found') : undefined)

  expect(await cache.get('a', load)).toBeUndefined()
  expect(await cache.get('a', load)).toBe('found')
  expect(await cache.get('a', load)).toBe('found')
  expect(loads).toBe(2)
})

test('a load that was under way when its key was set gives what was set', async () => {
  const cache = new VersionedCache<string, string>('test', 1_000)
  const { load, answers } = slowLoad()
  const reading = cache.get('a', load)

  cache.set('a', 'new', 3)
  answers[0]?.('old')

  expect(await reading).toBe('new')
  expect(cache.peek('a')).toBe('new')
})

test('a load that was under way when its key was deleted is done again, and who asks later does not join it', async () => {
  const cache = new VersionedCache<string, string>('test', 1_000)
  const { load, answers } = slowLoad()
  const early = cache.get('a', load)
  cache.delete('a')
  const late = cache.get('a', load)
  expect(answers).toHaveLength(2)

  answers[1]?.('new')
  expect(await late).toBe('new')
  answers[0]?.('old')

  expect(await early).toBe('new')
  expect(cache.peek('a')).toBe('new')
})

test('several keys are asked for together, each kept unless it changed', async () => {
  const cache = new VersionedCache<string, string>('test', 1_000)
  cache.set('a', 'A', 1)
  const asked: string[][] = []

  const found = await cache.getMany(['a', 'b', 'c', 'd'], async (missing) => {
    asked.push(missing)
    if (asked.length === 1) cache.delete('b')
    return missing.filter((key) => key !== 'd').map((key) => ({ key, ...one(`${key}${asked.length}`) }))
  })

  expect(asked).toEqual([['b', 'c', 'd'], ['b']])
  expect([...found].sort()).toEqual([
    ['a', 'A'],
    ['b', 'b2'],
    ['c', 'c1'],
  ])
})

test('the least recently used go when the bytes are used up', async () => {
  const cache = new VersionedCache<string, string>('test', 100)
  for (const key of ['a', 'b', 'c']) cache.set(key, key, 40)
  expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual([undefined, 'b', 'c'])
})

test('a load that fails fails for who asked, and the next asks again', async () => {
  const cache = new VersionedCache<string, string>('test', 100)
  await expect(cache.get('a', () => Promise.reject(new Error('disk')))).rejects.toThrow('disk')
  expect(await cache.get('a', async () => one('back'))).toBe('back')
})

test('caches of one name show their sizes together', async () => {
  const caches = [0, 1].map(() => new VersionedCache<string, string>('of one name', 1_000))
  caches[0]?.set('a', 'x', 300)
  caches[1]?.set('a', 'x', 40)
  caches[1]?.set('b', 'x', 2)
  caches[1]?.delete('b')

  expect(cacheBytes()['of one name']).toBe(340)
})
