/** The window over what waits on disk, in every order in which rows can be read, told and removed. */
import { describe, expect, test } from 'vitest'
import { Backlog, type Queued } from '../../../server/delivery/backlog.js'

type Item = Queued & { key: string }

/** Rows in order of position; a page can be held open between its reading and its arrival. */
function makeDisk() {
  let rows: Item[] = []
  const held: (() => void)[] = []
  const disk = {
    isHeld: false,
    loads: 0,
    get positions() {
      return rows.map(({ position }) => position)
    },
    write(...positions: number[]) {
      const items = positions.map((position) => ({ position, key: `k${position % 3}` }))
      rows = [...rows, ...items].sort((a, b) => a.position - b.position)
      return items
    },
    release() {
      for (const resolve of held.splice(0)) resolve()
    },
    store: {
      async load(after: number, limit: number) {
        disk.loads++
        const page = rows.filter(({ position }) => position > after).slice(0, limit)
        if (disk.isHeld) await new Promise<void>((resolve) => held.push(resolve))
        return page
      },
      async remove(items: readonly Item[]) {
        rows = rows.filter((row) => !items.some(({ position }) => position === row.position))
      },
    },
  }
  return disk
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const positions = (items: readonly Queued[]) => items.map(({ position }) => position)

/** Takes everything out, two at a time. */
async function drain(backlog: Backlog<Item>): Promise<number[]> {
  const taken: number[] = []
  for (;;) {
    const items = await backlog.peek(2)
    if (items.length === 0) return taken
    taken.push(...positions(items))
    await backlog.remove(items)
  }
}

describe('a backlog', () => {
  test('what is told while the rows of the last run are read comes after them, once', async () => {
    const disk = makeDisk()
    disk.write(1, 2)
    disk.isHeld = true
    const backlog = new Backlog(disk.store, { maxInMemory: 10, mayHaveRows: true })
    const first = backlog.peek(10)
    for (const item of disk.write(3, 4)) backlog.add(item)
    disk.release()
    expect(positions(await first)).toEqual([1, 2, 3, 4])
    expect(backlog.length).toBe(4)
  })

  test('what a page brought before it was told is not taken twice', async () => {
    const disk = makeDisk()
    disk.write(1)
    const backlog = new Backlog(disk.store, { maxInMemory: 10, mayHaveRows: true })
    const late = disk.write(2)
    expect(positions(await backlog.peek(10))).toEqual([1, 2])
    for (const item of late) backlog.add(item)
    expect(positions(await backlog.peek(10))).toEqual([1, 2])
  })

  test('what is told before the first read is read with what was there, in order', async () => {
    const disk = makeDisk()
    disk.write(1, 2)
    const backlog = new Backlog(disk.store, { maxInMemory: 10, mayHaveRows: true })
    for (const item of disk.write(3)) backlog.add(item)
    expect(await drain(backlog)).toEqual([1, 2, 3])
  })

  test('removing takes away the named ones and nothing below or above them', async () => {
    const disk = makeDisk()
    disk.write(1, 2, 3, 4)
    const backlog = new Backlog(disk.store, { maxInMemory: 10, mayHaveRows: true })
    const items = await backlog.peek(4)
    await backlog.remove([items[1]!, items[2]!])
    expect(disk.positions).toEqual([1, 4])
    expect(positions(await backlog.peek(4))).toEqual([1, 4])
  })

  test('more than the window holds stays on disk and is read when its turn comes', async () => {
    const disk = makeDisk()
    const backlog = new Backlog(disk.store, { maxInMemory: 3, mayHaveRows: false })
    for (let n = 1; n <= 20; n++) for (const item of disk.write(n)) backlog.add(item)
    expect([backlog.inMemory, backlog.length]).toEqual([3, 20])
    expect(await drain(backlog)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(backlog.length).toBe(0)
  })

  test('while all of it fits nothing is read', async () => {
    const disk = makeDisk()
    const backlog = new Backlog(disk.store, { maxInMemory: 10, mayHaveRows: false })
    for (const item of disk.write(1, 2, 3)) backlog.add(item)
    expect(await drain(backlog)).toEqual([1, 2, 3])
    expect(disk.loads).toBe(0)
  })

  test('memory that was given back is read again, and an item peeked at before can still be removed', async () => {
    const disk = makeDisk()
    const backlog = new Backlog(disk.store, { maxInMemory: 10, mayHaveRows: false })
    for (const item of disk.write(1, 2)) backlog.add(item)
    const before = await backlog.peek(1)
    backlog.release()
    expect(backlog.inMemory).toBe(0)
    expect(positions(await backlog.peek(2))).toEqual([1, 2])
    await backlog.remove(before)
    expect(positions(await backlog.peek(2))).toEqual([2])
  })

  test('a failed read loses nothing of what was told meanwhile', async () => {
    const disk = makeDisk()
    disk.write(1)
    let fails = true
    const load = disk.store.load
    const store = {
      ...disk.store,
      async load(after: number, limit: number) {
        const page = await load(after, limit)
        if (fails) throw new Error('the disk')
        return page
      },
    }
    const backlog = new Backlog(store, { maxInMemory: 10, mayHaveRows: true })
    const first = backlog.peek(10)
    for (const item of disk.write(2)) backlog.add(item)
    await expect(first).rejects.toThrow('the disk')
    fails = false
    expect(await drain(backlog)).toEqual([1, 2])
  })

  test('thinning keeps the newest of each key, in order, and what comes in meanwhile', async () => {
    const disk = makeDisk()
    const backlog = new Backlog(disk.store, { maxInMemory: 5, mayHaveRows: false })
    for (let n = 1; n <= 1200; n++) for (const item of disk.write(n)) backlog.add(item)
    disk.isHeld = true
    const thinning = backlog.thin(({ key }) => key)
    for (const item of disk.write(1201)) backlog.add(item)
    disk.isHeld = false
    disk.release()
    expect(await thinning).toBe(1198)
    expect(disk.positions).toEqual([1199, 1200, 1201])
    expect(await drain(backlog)).toEqual([1199, 1200, 1201])
  })

  test('in any order of writing, telling, reading and giving back, each leaves once and in order', async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed)
      const disk = makeDisk()
      const maxInMemory = 1 + Math.floor(random() * 6)
      let next = 1
      disk.write(...Array.from({ length: Math.floor(random() * 8) }, () => next++))
      const backlog = new Backlog(disk.store, { maxInMemory, mayHaveRows: true })
      const untold: Item[] = []
      const taken: number[] = []
      const tell = () => {
        const item = untold.shift()
        if (item) backlog.add(item)
      }
      const take = async () => {
        const items = await backlog.peek(1 + Math.floor(random() * 3))
        expect(backlog.inMemory).toBeLessThanOrEqual(maxInMemory)
        if (random() < 0.3) backlog.release()
        await backlog.remove(items)
        taken.push(...positions(items))
      }
      for (let step = 0; step < 40; step++) {
        if (random() < 0.6) untold.push(...disk.write(next++))
        disk.isHeld = random() < 0.5
        const taking = take()
        for (let n = Math.floor(random() * 4); n > 0; n--) {
          tell()
          if (random() < 0.5) untold.push(...disk.write(next++))
          if (random() < 0.5) await turn()
        }
        disk.isHeld = false
        disk.release()
        await taking
      }
      while (untold.length > 0) tell()
      taken.push(...(await drain(backlog)))
      expect(taken, `seed ${seed}`).toEqual(Array.from({ length: next - 1 }, (_, i) => i + 1))
      expect(disk.positions).toEqual([])
    }
  })
})

/** Mulberry32: the same walk for the same seed. */
function randomFrom(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
