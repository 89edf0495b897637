/** Who may hold how much memory while it is under way, and who gives way to whom. */
import { describe, expect, test } from 'vitest'
import { makeBytesInFlight } from '../../../server/http/bytes-in-flight.js'

const make = () => makeBytesInFlight({ perParty: 100, inAll: 250, always: 10 })
const refused = expect.objectContaining({ status: 429, errcode: 'M_LIMIT_EXCEEDED' })

describe('one party', () => {
  test('is refused beyond its share, and has it back when something is released', () => {
    const bytes = make()
    const first = bytes.open('a')
    first.add(80)
    const second = bytes.open('a')
    expect(() => second.add(30)).toThrow(refused)
    expect(bytes.total).toBe(80)
    first.release()
    second.add(30)
    expect(bytes.total).toBe(30)
  })

  test('may have one transfer that is larger than the share', () => {
    const bytes = make()
    const only = bytes.open('a')
    only.add(60)
    only.add(60)
    expect(bytes.total).toBe(120)
    expect(() => bytes.open('a').add(11)).toThrow(refused)
  })

  test('releasing twice gives back once', () => {
    const bytes = make()
    const hold = bytes.open('a')
    hold.add(50)
    hold.release()
    hold.release()
    expect(bytes.total).toBe(0)
  })
})

describe('where all is taken', () => {
  const full = () => {
    const bytes = make()
    const cuts: string[] = []
    const hold = (party: string, size: number) => {
      const each = bytes.open(party, (reason) => cuts.push(`${party} ${size} ${reason.errcode}`))
      each.add(size)
      return each
    }
    return { bytes, cuts, hold }
  }

  test('the party with most gives its largest body up to one that holds less', () => {
    const { bytes, cuts, hold } = full()
    hold('a', 40)
    hold('a', 60)
    hold('b', 90)
    hold('c', 60)
    hold('d', 50)
    expect(cuts).toEqual(['a 60 M_LIMIT_EXCEEDED'])
    expect(bytes.total).toBe(40 + 90 + 60 + 50)
  })

  test('a party that holds as much as the others takes nothing from them', () => {
    const { cuts, hold } = full()
    hold('a', 90)
    hold('b', 90)
    hold('c', 70)
    expect(() => hold('c', 30)).toThrow(refused)
    expect(cuts).toEqual([])
  })

  test('what is complete is not cut; what is small passes all the same', () => {
    const { bytes, cuts, hold } = full()
    for (const party of ['a', 'b']) hold(party, 100).settle()
    hold('c', 50).settle()
    expect(() => hold('d', 20)).toThrow(refused)
    hold('e', 10)
    expect(cuts).toEqual([])
    expect(bytes.total).toBe(260)
  })
})
