/** Guessing passwords, from one address and from many, beside an owner who goes on logging in. */
import { describe, expect, test } from 'vitest'
import type { DeviceId, ServerName } from '../../../server/kernel/identifiers.js'
import { noteDeviceSeen, setDevice } from '../../../server/store/device-store.js'
import { makeAuthenticator } from '../../../server/users/authenticate.js'
import { makeCheckPassword } from '../../../server/users/check-password.js'
import { type Guesser, makePasswordGuesses } from '../../../server/users/password-guesses.js'
import { makePasswordHasher } from '../../../server/users/password-hashing.js'
import { makeRegistration } from '../../../server/users/register-user.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { passwordOf, startHomeserver } from '../../support/homeserver.js'

const serverName = 'test' as ServerName
const dev = 'DEV' as DeviceId
const at = (ip: string, more: Partial<Guesser> = {}): Guesser => ({ ip, isLoopback: false, ...more })

async function start(db: TestDatabase, isOn = true) {
  const clock = fakeClock()
  const hasher = makePasswordHasher('test')
  const guesses = makePasswordGuesses({ db, clock, isOn })
  const checkPassword = makeCheckPassword({ db, serverName, hasher, guesses })
  const authenticator = makeAuthenticator({ db, clock, logger: silentLogger })
  const alice = await makeRegistration({ db, serverName, hasher, clock, authenticator }).registerUser({
    ...{ localpart: 'alice', password: 'right' },
  })
  const attempt = (password: string, from: Guesser): Promise<number> =>
    checkPassword('alice', password, from).then(
      () => 200,
      ({ status }: { status: number }) => status,
    )
  return {
    alice,
    clock,
    right: (from: Guesser) => attempt('right', from),
    wrong: (from: Guesser) => attempt('no', from),
  }
}
const counted = (statuses: readonly number[]) => {
  const counts: Record<number, number> = {}
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

describe('guessing', () => {
  test('from one address stops after ten for five minutes, and the owner logs in from everywhere else', async () => {
    await using db = await openTestDatabase()
    const { clock, right, wrong } = await start(db)
    const attacker = at('203.0.113.7')
    const attack: number[] = []
    const owner: number[] = []
    for (let i = 0; i < 20; i++) {
      attack.push(await wrong(attacker))
      owner.push(await right(at(`198.51.100.${i}`)))
    }

    expect(counted(attack)).toEqual({ 403: 10, 429: 10 })
    expect(counted(owner)).toEqual({ 200: 20 })
    expect(await right(attacker)).toBe(429)
    clock.advance(5 * 60_000)
    expect(await right(attacker)).toBe(200)
  })

  test('made all at once is counted as well', async () => {
    await using db = await openTestDatabase()
    const { wrong } = await start(db)

    const attack = await Promise.all(Array.from({ length: 30 }, () => wrong(at('203.0.113.7'))))

    expect(counted(attack)).toEqual({ 403: 10, 429: 20 })
  })

  test('from two hundred addresses stops after fifty; known addresses, this machine and devices are let in', async () => {
    await using db = await openTestDatabase()
    const { alice, clock, right, wrong } = await start(db)
    await db.commit(() => ({
      writes: [
        setDevice(alice, dev, {}),
        noteDeviceSeen(alice, dev, { last_seen_ip: '198.51.100.2', last_seen_ts: 1 }),
      ],
      changes: [],
      result: undefined,
    }))
    await right(at('198.51.100.1'))
    const attack = await Promise.all(Array.from({ length: 200 }, (_, i) => wrong(at(`203.0.113.${i}`))))
    const owner = async () => ({
      whereSheLoggedIn: await right(at('198.51.100.1')),
      whereADeviceWasSeen: await right(at('198.51.100.2')),
      atTheMachine: await right(at('127.0.0.1', { isLoopback: true })),
      onHerDevice: await right(at('203.0.113.1', { requester: { userId: alice, deviceId: dev } })),
      elsewhere: await right(at('198.51.100.99')),
    })
    const known = { whereSheLoggedIn: 200, whereADeviceWasSeen: 200, atTheMachine: 200, onHerDevice: 200 }

    expect(counted(attack)).toEqual({ 403: 50, 429: 150 })
    expect(await owner()).toEqual({ ...known, elsewhere: 429 })
    clock.advance(2 * 60_000)
    expect(await owner()).toEqual({ ...known, elsewhere: 200 })
  })

  test('of an hour from everywhere is thirty more, whatever the number of addresses', async () => {
    await using db = await openTestDatabase()
    const { clock, wrong } = await start(db)
    const attack: number[] = []
    for (let minute = 0; minute < 60; minute++) {
      clock.advance(60_000)
      for (let i = 0; i < 3; i++) attack.push(await wrong(at(`203.0.113.${(minute * 3 + i) % 250}`)))
    }

    expect(counted(attack)[403]).toBeLessThanOrEqual(80)
    expect(counted(attack)[403]).toBeGreaterThanOrEqual(75)
  })

  test('by a device that shows a token stops after ten, wherever it is, and stops nobody else', async () => {
    await using db = await openTestDatabase()
    const { alice, right, wrong } = await start(db)
    const requester = { userId: alice, deviceId: dev }
    const attack: number[] = []
    for (let i = 0; i < 14; i++) attack.push(await wrong(at(`203.0.113.${i}`, { requester })))

    expect(counted(attack)).toEqual({ 403: 10, 429: 4 })
    expect(await right(at('203.0.113.1'))).toBe(200)
  })

  test('with a token of another account is guessing like any other', async () => {
    await using db = await openTestDatabase()
    const { wrong } = await start(db)
    const attack = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        wrong(at(`203.0.113.${i}`, { requester: { userId: '@eve:test' as never, deviceId: dev } })),
      ),
    )

    expect(counted(attack)).toEqual({ 403: 50, 429: 10 })
  })

  test('an address that was right begins anew, one of IPv6 counts with its network', async () => {
    await using db = await openTestDatabase()
    const { right, wrong } = await start(db)
    for (let i = 0; i < 9; i++) await wrong(at(`2001:db8:1:2::${i}`))
    expect(await right(at('2001:db8:1:2::ff'))).toBe(200)

    const attack: number[] = []
    for (let i = 0; i < 12; i++) attack.push(await wrong(at(`2001:db8:1:2::${i}`)))
    expect(counted(attack)).toEqual({ 403: 10, 429: 2 })
    expect(await wrong(at('2001:db8:1:3::1'))).toBe(403)
  })

  test('where limits are off nothing is counted', async () => {
    await using db = await openTestDatabase()
    const { wrong } = await start(db, false)

    expect(counted(await Promise.all(Array.from({ length: 30 }, () => wrong(at('203.0.113.7')))))).toEqual({ 403: 30 })
  })
})

test('proving again who one is counts by device, over HTTP too', async () => {
  await using hs = await startHomeserver({
    users: ['alice'],
    config: ({ rate_limits }) => Object.assign(rate_limits, { enabled: true }),
  })
  const alice = hs.as('alice')
  const prove = async (password: string) => {
    const { session } = (await alice.delete('/devices/OTHER', {})).body
    const identifier = { type: 'm.id.user', user: 'alice' }
    return alice.delete('/devices/OTHER', { auth: { type: 'm.login.password', identifier, password, session } })
  }
  const statuses: number[] = []
  for (let i = 0; i < 12; i++) statuses.push((await prove('guess')).status)

  expect(counted(statuses)).toEqual({ 401: 10, 429: 2 })
  const refused = await prove(passwordOf('alice'))
  expect(refused.body).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: expect.any(Number) })
  expect((await hs.logIn('alice')).userId).toBe(alice.userId) // signing in anew is another party's try
})
