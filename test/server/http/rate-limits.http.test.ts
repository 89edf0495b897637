/** Budgets of requests: refused with a time to come back, and shared out so that one caller's flood is their own affair. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { bindEndpoints, defineEndpoint } from '../../../server/http/endpoint.js'
import { type Listeners, startListeners } from '../../../server/http/listeners.js'
import { type Budgets, makeRateLimits, RateLimited, refusals } from '../../../server/http/rate-limits.js'
import { systemClock } from '../../../server/kernel/clock.js'
import { defaultConfig } from '../../../server/kernel/config.js'
import { MatrixError } from '../../../server/kernel/errors.js'
import type { DeviceId, UserId } from '../../../server/kernel/identifiers.js'
import { startChild } from '../../support/child.js'
import { fakeClock } from '../../support/fake-clock.js'
import type { FloodArgs } from './children/flood.js'

const endpoints = bindEndpoints(
  [
    defineEndpoint({
      operationId: 'mine',
      method: 'GET',
      path: '/_matrix/mine',
      auth: 'access-token',
      handle: async () => ({ ok: true }),
    }),
    defineEndpoint({
      operationId: 'scarce',
      method: 'GET',
      path: '/_matrix/scarce',
      auth: 'access-token',
      rateLimit: 'create',
      handle: async () => ({ ok: true }),
    }),
  ],
  {},
)

const dir = mkdtempSync(join(tmpdir(), 'hearth-limits-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
let listeners: Listeners | undefined
const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
  await listeners?.close()
  listeners = undefined
})

async function start(budgets: Partial<Budgets> = {}): Promise<string> {
  const config = defaultConfig(dir)
  config.listeners.client.port = 0
  config.listeners.trusted_proxies = ['127.0.0.1']
  listeners = await startListeners({
    config,
    logger: pino({ level: 'silent' }),
    clock: systemClock,
    endpoints,
    budgets,
    authenticate: async (token) => {
      if (!token.startsWith('good-')) throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'no')
      const userId = `@${token.slice(5)}:test` as UserId
      const deviceId = 'A' as DeviceId
      return { userId, deviceId, sid: token, isAdmin: false, isGuest: false, isSuspended: false, tokenHash: token }
    },
    admitServer: () => {
      throw new MatrixError(401, 'M_UNAUTHORIZED', 'no')
    },
  })
  return listeners.clientUrl!
}

const ask = async (url: string, user: string, path = 'mine') => {
  const headers = { authorization: `Bearer good-${user}`, 'x-forwarded-for': '198.51.100.1' }
  const answer = await fetch(`${url}_matrix/${path}`, { headers })
  return { status: answer.status, body: await answer.json(), headers: answer.headers }
}

/** How long somebody waits who asks now and then, the median; every one of their requests is answered. */
async function waits(url: string, user: string): Promise<number> {
  const took: number[] = []
  for (let i = 0; i < 60; i++) {
    const began = performance.now()
    expect((await ask(url, user)).status).toBe(200)
    took.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 25)) // a person, not a loop
  }
  return took.sort((a, b) => a - b)[30]!
}

describe('budgets', () => {
  test('are per user: one who has used theirs up is told when to come back, another is served', async () => {
    const url = await start()
    const answers = await Promise.all(Array.from({ length: 25 }, () => ask(url, 'eve', 'scarce')))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    for (const { body, headers } of refused) {
      expect(body.errcode).toBe('M_LIMIT_EXCEEDED')
      expect(body.retry_after_ms).toBeGreaterThan(0)
      expect(Number(headers.get('retry-after'))).toBe(Math.ceil(body.retry_after_ms / 1000))
    }
    expect((await ask(url, 'ana', 'scarce')).status).toBe(200)
  })

  test('are per address as well: bad tokens use the address up, another address is served', () => {
    const clock = fakeClock()
    const charge = makeRateLimits({ enabled: true, clock })
    const refused = expect.objectContaining({ status: 429 })
    for (let i = 0; i < 1_500; i++) charge('address', '192.0.2.7')
    expect(() => charge('address', '192.0.2.7')).toThrow(refused)
    charge('address', '192.0.2.8')
    clock.advance(1_000)
    for (let i = 0; i < 300; i++) charge('address', '192.0.2.7')
    expect(() => charge('address', '192.0.2.7')).toThrow(refused)
  })

  test('the time that is named is enough', () => {
    const clock = fakeClock()
    const charge = makeRateLimits({ enabled: true, clock })
    for (let i = 0; i < 20; i++) charge('login', 'a')
    const refusal = thrownBy(() => charge('login', 'a'))
    clock.advance(Number(refusal.extra.retry_after_ms))
    charge('login', 'a')
  })

  test('who goes on asking after twenty refusals waits for each further one, until they have paused', () => {
    const clock = fakeClock()
    const charge = makeRateLimits({ enabled: true, clock })
    for (let i = 0; i < 20; i++) charge('login', 'a')
    for (let i = 0; i < 20; i++) expect(thrownBy(() => charge('login', 'a')).holdMs).toBe(0)
    expect(thrownBy(() => charge('login', 'a')).holdMs).toBeGreaterThan(0)
    clock.advance(3_000)
    expect(thrownBy(() => charge('login', 'a')).holdMs).toBe(0)
  })
})

function thrownBy(run: () => void): RateLimited {
  try {
    run()
  } catch (error) {
    if (error instanceof RateLimited) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const floodMs = 5_000
/** So small that a loop uses it up on any machine; a person does not. */
const budget = { perSecond: 40, burst: 150 }
const connections = 40

// Numbers of answers and not times: how quick those are is the machine's affair, and what else it does.
test.each([
  ['a user', { authorization: 'Bearer good-eve' }, 'default'],
  ['a stranger with bad tokens', { authorization: 'Bearer bad' }, 'address'],
  ['nobody', {}, 'address'],
])(
  'the flood of %s gets what its budget has and then one answer a second and connection, and others are served',
  async (_who, headers, kind) => {
    const url = await start({ [kind]: budget })
    const args: FloodArgs = {
      port: Number(new URL(url).port),
      ...{ connections, forMs: floodMs, headers, localAddress: '127.0.9.1', path: '/_matrix/mine' },
    }
    const flood = startChild(new URL('./children/flood.ts', import.meta.url), args)
    stops.push(() => flood.kill())
    await flood.hears((said) => 'begun' in (said as object))
    const began = performance.now()
    const served = await waits(url, 'ana')
    const { answers } = await flood.hears<{ answers: Record<string, number> }>((said) => 'answers' in (said as object))
    const seconds = (performance.now() - began) / 1000 + 1

    const refused = answers['429'] ?? 0
    const others = Object.values(answers).reduce((sum, each) => sum + each, 0) - refused
    expect(others).toBeLessThanOrEqual(budget.burst + budget.perSecond * seconds)
    expect(refused).toBeGreaterThan(0)
    expect(refused).toBeLessThanOrEqual(
      refusals.atOnce + (refusals.forgottenPerSecond + (connections * 1000) / refusals.holdMs) * seconds + connections,
    )
    expect(served).toBeLessThan(refusals.holdMs / 4)
  },
  40_000,
)
