/** How long answers of /.well-known/matrix/server are believed, with a clock that does as it is told. */
import { describe, expect, test } from 'vitest'
import { lifetimeMs, makeWellKnownCache, type WellKnownAnswer } from '../../../server/federation/well-known.js'
import { fakeClock } from '../../support/fake-clock.js'

const minute = 60_000
const hour = 60 * minute
const answer = (body: unknown, headers: Record<string, string> = {}, status = 200): WellKnownAnswer => ({
  status,
  headers,
  body,
})

function cacheOf(answers: (WellKnownAnswer | Error)[]) {
  const clock = fakeClock()
  let asked = 0
  const cache = makeWellKnownCache({
    clock,
    async fetchWellKnown() {
      const next = answers[Math.min(asked++, answers.length - 1)]!
      if (next instanceof Error) throw next
      return next
    },
  })
  return { cache, clock, asked: () => asked }
}

describe('well-known delegation', () => {
  test('an answer without headers is believed for 24 hours', async () => {
    const { cache, clock, asked } = cacheOf([
      answer({ 'm.server': 'd.example' }),
      answer({ 'm.server': 'new.example' }),
    ])
    expect(await cache.delegateOf('a.example')).toBe('d.example')
    clock.advance(23 * hour)
    expect(await cache.delegateOf('a.example')).toBe('d.example')
    expect(asked()).toBe(1)
    clock.advance(2 * hour)
    expect(await cache.delegateOf('a.example')).toBe('new.example')
  })

  test('max-age counts, and no lifetime exceeds 48 hours or falls below five minutes', () => {
    expect(lifetimeMs({ 'cache-control': 'public, max-age=3600' }, 0)).toBe(hour)
    expect(lifetimeMs({ 'cache-control': 'max-age=9999999' }, 0)).toBe(48 * hour)
    expect(lifetimeMs({ 'cache-control': 'no-store' }, 0)).toBe(5 * minute)
    expect(lifetimeMs({ expires: new Date(7 * hour).toUTCString() }, 0)).toBe(7 * hour)
    expect(lifetimeMs({}, 0)).toBe(24 * hour)
  })

  test('errors are believed for two minutes, doubling to an hour', async () => {
    const { cache, clock, asked } = cacheOf([new Error('down')])
    for (const [pause, total] of [
      [0, 1],
      [minute, 1],
      [minute + 1, 2],
      [3 * minute, 2],
      [minute + 1, 3],
    ] as const) {
      clock.advance(pause)
      expect(await cache.delegateOf('a.example')).toBeUndefined()
      expect(asked()).toBe(total)
    }
  })

  test('what was said last stays in force while the host fails, for 48 hours', async () => {
    const { cache, clock } = cacheOf([answer({ 'm.server': 'd.example' }), new Error('down')])
    await cache.delegateOf('a.example')
    clock.advance(30 * hour)
    expect(await cache.delegateOf('a.example')).toBe('d.example')
    clock.advance(20 * hour)
    expect(await cache.delegateOf('a.example')).toBeUndefined()
  })

  test.each([
    ['a status other than 200', answer({ 'm.server': 'd.example' }, {}, 404)],
    ['no JSON', answer(undefined)],
    ['no m.server', answer({ server: 'd.example' })],
    ['an m.server that is no server name', answer({ 'm.server': 'https://d.example/' })],
  ])('%s delegates nothing', async (_what, given) => {
    expect(await cacheOf([given]).cache.delegateOf('a.example')).toBeUndefined()
  })

  test('many who ask at once are one request', async () => {
    const { cache, asked } = cacheOf([answer({ 'm.server': 'd.example' })])
    await Promise.all(Array.from({ length: 20 }, () => cache.delegateOf('a.example')))
    expect(asked()).toBe(1)
  })
})
