/** An account's sessions, devices, password and end, while other things happen to it at the same time. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { makeManageDevices } from '../../../server/devices/manage-devices.js'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { setAccountDataEntry } from '../../../server/store/account-data-store.js'
import { readDevices } from '../../../server/store/device-store.js'
import type { Database } from '../../../server/store/reader.js'
import { deleteRow, insertRow, type StreamPosition } from '../../../server/store/writes.js'
import { makeAuthenticator } from '../../../server/users/authenticate.js'
import { makeCheckPassword } from '../../../server/users/check-password.js'
import { loadErasedUsers } from '../../../server/users/erased-users.js'
import { makeLoginSessions } from '../../../server/users/login-sessions.js'
import { makeManageAccount } from '../../../server/users/manage-account.js'
import { makePasswordGuesses } from '../../../server/users/password-guesses.js'
import { makePasswordHasher } from '../../../server/users/password-hashing.js'
import { makeProfiles } from '../../../server/users/profile.js'
import { makeRegistration } from '../../../server/users/register-user.js'
import { makeRegistrationTokens } from '../../../server/users/registration-tokens.js'
import { hashToken } from '../../../server/users/tokens.js'
import { openTestDatabase, silentLogger, type TestDatabase } from '../../support/database.js'
import { anyCommit, makeGate, readOf } from '../../support/gate.js'

const serverName = 'test' as ServerName
const from = { ip: '203.0.113.1', isLoopback: false }
const dev = 'DEV' as DeviceId

/** @param seen the database as what is tested sees it */
async function accounts(db: TestDatabase, seen: Database = db) {
  const clock = systemClock
  const hasher = makePasswordHasher('test')
  const sessions = makeLoginSessions({ db: seen, clock })
  const authenticator = makeAuthenticator({ db: seen, clock, logger: silentLogger })
  const registration = makeRegistration({ db, serverName, hasher, clock, authenticator })
  sessions.onSessionEnded((sid) => authenticator.forgetSession(sid))
  const guesses = makePasswordGuesses({ db, clock, isOn: true })
  const manage = (leaveAllRooms: (userId: UserId) => Promise<void>) =>
    makeManageAccount({
      ...{ db, hasher, sessions, authenticator, leaveAllRooms, live: db.live, logger: silentLogger },
      ...{ membershipsOf: async () => new Map(), erased: { add() {} } },
      closeSession: () => {},
      deleteThreepidsOf: async () => 'success',
    })
  return {
    ...{ sessions, registration, authenticator, manage },
    checkPassword: makeCheckPassword({ db, serverName, hasher, guesses }),
    devices: makeManageDevices({ db: seen, inTurn: sessions.inTurn }),
    alice: await registration.registerUser({ localpart: 'alice', password: 'old' }),
  }
}
/** What does not wait for another is done by then. */
const doneOrWaiting = (work: Promise<unknown>) => Promise.race([work, pause(300)])
const settled = (db: Database) => db.commit(() => ({ writes: [], changes: [], result: undefined }))

describe('a deleted device', () => {
  test('does not come back because it was seen', async () => {
    await using db = await openTestDatabase()
    const { sessions, alice } = await accounts(db)
    const gate = makeGate(db)
    const authenticator = makeAuthenticator({ db: gate.db, clock: systemClock, logger: silentLogger })
    const { accessToken } = await sessions.beginSession({ userId: alice, deviceId: dev, withRefreshToken: false })
    const noting = gate.hold(anyCommit)
    await authenticator.authenticate(accessToken, { ip: '192.0.2.1', evenIfLocked: false })
    await noting.reached

    await sessions.deleteDevices(alice, [dev])
    noting.release()
    await settled(gate.db)

    expect(await readDevices(db, alice)).toEqual([])
  })

  test('does not come back for a new name', async () => {
    await using db = await openTestDatabase()
    const gate = makeGate(db)
    const { sessions, devices, alice } = await accounts(db, gate.db)
    await sessions.beginSession({ userId: alice, deviceId: dev, withRefreshToken: false })
    const reading = gate.hold(readOf('"device", [$user, $device]'))
    const renaming = devices.renameDevice(alice, dev, 'mine')
    await reading.reached

    const deleting = sessions.deleteDevices(alice, [dev])
    await doneOrWaiting(deleting)
    reading.release()
    await Promise.all([renaming, deleting])

    expect(await readDevices(db, alice)).toEqual([])
  })

  test('a device that is there is noted where it was seen', async () => {
    await using db = await openTestDatabase()
    const { sessions, authenticator, alice } = await accounts(db)
    const { accessToken } = await sessions.beginSession({ userId: alice, deviceId: dev, withRefreshToken: false })

    await authenticator.authenticate(accessToken, { ip: '192.0.2.1', evenIfLocked: false })
    await settled(db)

    expect(await readDevices(db, alice)).toMatchObject([{ device_id: dev, last_seen_ip: '192.0.2.1' }])
  })
})

describe('a login that races', () => {
  test('a change of the password begins no session', async () => {
    await using db = await openTestDatabase()
    const { sessions, checkPassword, manage, alice } = await accounts(db)
    const proven = await checkPassword('alice', 'old', from)

    await manage(async () => {}).setPassword(alice, 'new', null)

    await expect(sessions.beginSession({ ...proven, withRefreshToken: false })).rejects.toMatchObject({
      errcode: 'M_FORBIDDEN',
    })
    const again = await checkPassword('alice', 'new', from)
    expect((await sessions.beginSession({ ...again, withRefreshToken: false })).userId).toBe(alice)
  })

  test('the end of the account, or its lock, begins no session', async () => {
    await using db = await openTestDatabase()
    const { sessions, checkPassword, manage, alice } = await accounts(db)
    const proven = await checkPassword('alice', 'old', from)
    const account = manage(async () => {})

    await account.setStatus(alice, 'locked')
    await expect(sessions.beginSession({ ...proven, withRefreshToken: false })).rejects.toMatchObject({
      errcode: 'M_USER_LOCKED',
    })
    await account.deactivate(alice, false)
    await expect(sessions.beginSession({ ...proven, withRefreshToken: false })).rejects.toMatchObject({
      errcode: 'M_USER_DEACTIVATED',
    })
  })

  test('a change of the password waits for a session that is beginning, and ends it', async () => {
    await using db = await openTestDatabase()
    const gate = makeGate(db)
    const { sessions, authenticator, checkPassword, manage, alice } = await accounts(db, gate.db)
    const proven = await checkPassword('alice', 'old', from)
    const reading = gate.hold(readOf('login_session WITH INDEX'))
    const beginning = sessions.beginSession({ ...proven, withRefreshToken: false })
    await reading.reached

    const changing = manage(async () => {}).setPassword(alice, 'new', null)
    await doneOrWaiting(changing)
    reading.release()
    const { accessToken } = await beginning
    await changing

    await expect(
      authenticator.authenticate(accessToken, { ip: '192.0.2.1', evenIfLocked: false }),
    ).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
  })

  test('a refreshed token does not outlive its session', async () => {
    await using db = await openTestDatabase()
    const gate = makeGate(db)
    const { sessions, alice } = await accounts(db, gate.db)
    const { refreshToken } = await sessions.beginSession({ userId: alice, deviceId: dev, withRefreshToken: true })
    const reading = gate.hold(readOf('"login_session", $sid'))
    const refreshing = sessions.refreshSession(refreshToken!)
    await reading.reached

    await sessions.deleteDevices(alice, [dev])
    reading.release()

    await expect(refreshing).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    expect(await db.query('SELECT * FROM access_token')).toEqual([[]])
  })
})

describe('the end of an account', () => {
  test('goes on where a crash left it', async () => {
    await using db = await openTestDatabase()
    const { sessions, manage, alice } = await accounts(db)
    await sessions.beginSession({ userId: alice, deviceId: dev, withRefreshToken: false })
    await db.commit(() => ({
      writes: [
        setAccountDataEntry(alice, {
          ...{ roomId: undefined, type: 'm.direct', content: '{}', position: 1 as StreamPosition },
        }),
      ],
      changes: [],
      result: undefined,
    }))
    const crash = manage(async () => {
      throw new Error('the process ends here')
    })
    await expect(crash.deactivate(alice, true)).rejects.toThrow('ends here')
    expect((await db.query('SELECT * FROM account_data_entry'))[0]).not.toEqual([])
    expect((await loadErasedUsers(db)).isErased(alice)).toBe(true)

    const left: UserId[] = []
    await manage(async (userId) => void left.push(userId)).resumeDeactivations()
    await manage(async (userId) => void left.push(userId)).resumeDeactivations()

    expect(left).toEqual([alice])
    expect(await db.query('SELECT * FROM account_data_entry; SELECT * FROM deactivation')).toEqual([[], []])
  })

  test('an account that is not erased keeps what it had', async () => {
    await using db = await openTestDatabase()
    const { manage, alice } = await accounts(db)

    await manage(async () => {}).deactivate(alice, false)

    expect((await db.query<[unknown[]]>('SELECT * FROM account_data_entry'))[0]).toHaveLength(1) // its push rules
    expect((await loadErasedUsers(db)).isErased(alice)).toBe(false)
  })

  test('of a hundred and twenty devices ends them all, in pieces', async () => {
    await using db = await openTestDatabase()
    const { sessions, alice } = await accounts(db)
    const ended: string[] = []
    sessions.onSessionEnded((sid) => void ended.push(sid))
    for (let i = 0; i < 120; i++)
      await sessions.beginSession({ userId: alice, deviceId: `D${i}` as DeviceId, withRefreshToken: false })

    await sessions.deleteAllDevices(alice)

    expect(ended).toHaveLength(120)
    expect(await readDevices(db, alice)).toEqual([])
  })
})

describe('a registration token', () => {
  const token = (db: Database, row: Record<string, unknown>) =>
    db.commit(() => ({
      writes: [insertRow('registration_token', { id: hashToken('word'), completed: 0, ...row })],
      changes: [],
      result: undefined,
    }))

  test('that is good for two accounts makes two, however many prove it at once', async () => {
    await using db = await openTestDatabase()
    const { registration } = await accounts(db)
    const tokens = makeRegistrationTokens({ db, clock: systemClock, configured: [] })
    await token(db, { uses_allowed: 2 })

    const writes = await tokens.writesForUse('word')
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, (_, i) => registration.registerUser({ localpart: `guest${i}`, password: 'x', writes })),
    )

    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' })
    expect((await db.query<[unknown[]]>('SELECT * FROM user'))[0]).toHaveLength(3)
  })

  test('that ends between proof and account makes none', async () => {
    await using db = await openTestDatabase()
    const { registration } = await accounts(db)
    const tokens = makeRegistrationTokens({ db, clock: systemClock, configured: [] })
    await token(db, { expiry_time: Date.now() - 1 })

    const writes = await tokens.writesForUse('word')
    await expect(registration.registerUser({ localpart: 'late', password: 'x', writes })).rejects.toMatchObject({
      errcode: 'M_FORBIDDEN',
    })
  })

  test('that is taken back between proof and account makes none', async () => {
    await using db = await openTestDatabase()
    const { registration } = await accounts(db)
    const tokens = makeRegistrationTokens({ db, clock: systemClock, configured: [] })
    await token(db, {})
    const writes = await tokens.writesForUse('word')
    await db.commit(() => ({
      writes: [deleteRow('registration_token', hashToken('word'))],
      changes: [],
      result: undefined,
    }))

    await expect(registration.registerUser({ localpart: 'late', password: 'x', writes })).rejects.toMatchObject({
      errcode: 'M_FORBIDDEN',
    })
  })
})

test('two new names go into the rooms one after the other, so that the last one is everywhere', async () => {
  await using db = await openTestDatabase()
  const { alice } = await accounts(db)
  let running = 0
  let atOnce = 0
  const told: unknown[] = []
  const profiles = makeProfiles({
    ...{ db, serverName },
    askForUser: async () => false,
    fetchRemoteProfile: async () => ({}),
    async updateProfileInRooms(userId) {
      atOnce = Math.max(atOnce, ++running)
      const name = (await profiles.readLocalProfile(userId))?.displayname
      await pause(20)
      told.push(name)
      running--
    },
  })

  await Promise.all(['A', 'B', 'C'].map((name) => profiles.setProfileField(alice, 'displayname', name)))

  expect(atOnce).toBe(1)
  expect(told.at(-1)).toBe((await profiles.readLocalProfile(alice))?.displayname)
})
