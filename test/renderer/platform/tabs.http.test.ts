/** Two tabs of one browser share a login session: real server, real refresh tokens, each good for one use. */
import { afterEach, expect, test, vi } from 'vitest'
import { makeHttp } from '../../../renderer/platform/matrix/http.js'
import type { LoginSession } from '../../../renderer/platform/matrix/login-session.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'
import { whoAmI } from '../support/browser.js'

afterEach(() => void vi.unstubAllGlobals())

/** @param alone what keeps tabs from renewing together */
async function openTabs(hs: TestHomeserver, alone: (work: () => Promise<void>) => Promise<void>) {
  const auth = { type: 'm.login.dummy' }
  const { body } = await hs.request('POST', '/register', {
    body: { username: 'alice', password: 'secret', refresh_token: true, auth },
  })
  let shared: LoginSession | undefined = {
    userId: body.user_id,
    deviceId: body.device_id,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    expiresAt: Date.now() + 10_000, // about to run out in both
  }
  let refreshes = 0
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (url.endsWith('/refresh')) refreshes += 1
    const token = new Headers(init.headers).get('authorization')?.slice(7)
    const answer = await hs.request(init.method ?? 'GET', url.replace('/_matrix/client/v3', ''), {
      ...(init.body && { body: JSON.parse(String(init.body)) }),
      ...(token && { token }),
    })
    return new Response(JSON.stringify(answer.body), { status: answer.status })
  })
  const open = () =>
    makeHttp(shared, {
      onRenewed: (session) => {
        shared = session
      },
      onSignedOut: () => {
        shared = undefined
      },
      readShared: () => shared,
      alone,
    })
  return { first: open(), second: open(), shared: () => shared, refreshes: () => refreshes }
}

function oneAtATime() {
  let tail: Promise<unknown> = Promise.resolve()
  return (work: () => Promise<void>) => {
    const run = tail.then(work)
    tail = run.catch(() => undefined)
    return run
  }
}

test('a token that one tab has renewed is taken by the other', async () => {
  await using hs = await startHomeserver()
  const { first, second, shared, refreshes } = await openTabs(hs, (work) => work())

  await whoAmI(first)
  await whoAmI(second)
  await whoAmI(first)

  expect(refreshes()).toBe(1)
  expect(shared()).toMatchObject({ userId: '@alice:test' })
})

test('tabs that renew at the same time stay signed in', async () => {
  await using hs = await startHomeserver()
  const { first, second, shared, refreshes } = await openTabs(hs, oneAtATime())

  await Promise.all([whoAmI(first), whoAmI(second)])

  expect(refreshes()).toBe(1)
  expect(shared()?.accessToken).toBe(second.session()?.accessToken)
})

test('signing out in one tab is not undone by a renewal in another', async () => {
  await using hs = await startHomeserver()
  const { first, second, shared } = await openTabs(hs, (work) => work())
  await first.request('POST', '/_matrix/client/v3/logout', { body: {} })

  await expect(whoAmI(second)).rejects.toThrow()

  expect(shared()).toBeUndefined()
})
