/** A map that is never changed, beside one that is. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PersistentMap } from '../../../server/kernel/persistent-map.js'

test('every version says what a plain map said at that time', () => {
  const change = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.option(fc.integer(), { nil: undefined }))
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 80 }), (batches) => {
      const plain = new Map<number, number>()
      const versions: { map: PersistentMap<number, number>; said: [number, number][] }[] = []
      let map = PersistentMap.of<number, number>()
      for (const batch of batches) {
        for (const [key, value] of batch) {
          if (value === undefined) plain.delete(key)
          else plain.set(key, value)
        }
        map = map.with(batch)
        versions.push({ map, said: [...plain].sort(([a], [b]) => a - b) })
      }
      for (const version of versions) {
        expect([...version.map].sort(([a], [b]) => a - b)).toEqual(version.said)
        expect(version.map.size).toBe(version.said.length)
        for (const [key, value] of version.said) expect(version.map.get(key)).toBe(value)
      }
    }),
    { numRuns: 200 },
  )
})

test('a change in a map of ten thousand entries does not cost a copy of it', () => {
  const plain = new Map(Array.from({ length: 10_000 }, (_, i) => [`@user${i}:example.org`, i]))
  let map = PersistentMap.of(plain)
  const time = (work: () => void) => {
    const start = performance.now()
    work()
    return performance.now() - start
  }
  const copies = time(() => {
    for (let i = 0; i < 1_000; i++) new Map(plain)
  })
  const changes = time(() => {
    for (let i = 0; i < 1_000; i++) map = map.set(`@user${(i * 37) % 12_000}:example.org`, i)
  })

  expect(changes).toBeLessThan(copies / 5)
})
