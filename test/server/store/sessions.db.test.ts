/** Record sessions: who gets one, what ends it, and that nothing of it stays behind. */
import { mkdtemp, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../server/kernel/clock.js'
import type { DeviceId, UserId } from '../../../server/kernel/identifiers.js'
import { fileSecretBox } from '../../../server/kernel/secrets.js'
import { defineAccesses } from '../../../server/store/accesses.js'
import { loadSessionKeys } from '../../../server/store/key-files.js'
import { codec } from '../../../server/store/rpc.js'
import { type EndReason, makeSessions, type RecordSession } from '../../../server/store/sessions.js'
import { insertRow, upsertRow } from '../../../server/store/writes.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'

const alice = '@alice:example.org' as UserId
const bob = '@bob:example.org' as UserId

async function openSessions() {
  const db = await openTestDatabase()
  const keys = await loadSessionKeys(join(db.dir, 'keys'), fileSecretBox)
  await defineAccesses(db.root, keys)
  const sessions = makeSessions({
    rpc: db.root,
    live: db.live,
    key: keys.live,
    clock: systemClock,
    logger: silentLogger,
  })
  await db.commit(() => ({
    writes: [...userRows(alice, 'a1'), ...userRows(bob, 'b1')],
    changes: [],
    result: undefined,
  }))
  const token = async (userId: UserId, sid: string) =>
    (
      await sessions.issueLiveToken({
        userId,
        deviceId: 'DEV' as DeviceId,
        sid,
        accessTokenHash: 'hash',
      })
    ).token
  return { db, keys, sessions, token, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() }
}

const userRows = (userId: UserId, sid: string) => [
  insertRow('user', { id: userId, user_id: userId, status: 'active', admin: false, kind: 'user', created_at: 1 }),
  insertRow('login_session', { id: sid, user_id: userId, device_id: 'DEV', active: true }),
]
const endOf = (session: RecordSession) => {
  const reasons: EndReason[] = []
  session.onEnd((reason) => reasons.push(reason))
  return reasons
}

describe('record sessions', () => {
  test('a user sees as themselves: their own rows, their claims, their variables', async () => {
    await using at = await openSessions()
    const session = await at.sessions.openRecordSession(await at.token(alice, 'a1'))

    const [users, auth, claims, variables] = await at.sessions.query<
      [{ user_id: string }[], string, Record<string, unknown>, unknown[]]
    >(session, 'SELECT user_id FROM user; RETURN $auth.id(); RETURN $token; RETURN [$user_id, $device_id]')

    expect(users).toEqual([{ user_id: alice }])
    expect(auth).toBe(alice)
    expect(variables).toEqual([alice, 'DEV'])
    expect(claims).toMatchObject({
      NS: 'matrix',
      DB: 'homeserver',
      AC: 'matrix_client',
      matrix_user_id: alice,
      matrix_device_id: 'DEV',
      matrix_access_token: 'hash',
      matrix_refresh_token: null,
      sid: 'a1',
    })
    expect(claims).not.toHaveProperty('nbf')
    expect((claims.exp as number) - (claims.iat as number)).toBe(3600)
  })

  test('a login session that is logged out or unknown opens none, nor does one of somebody else', async () => {
    await using at = await openSessions()
    await at.db.commit(() => ({
      writes: [upsertRow('login_session', { id: 'a1', active: false })],
      changes: [],
      result: undefined,
    }))

    for (const [userId, sid] of [
      [alice, 'a1'],
      [alice, 'none'],
      [alice, 'b1'],
    ] as const)
      await expect(at.sessions.openRecordSession(await at.token(userId, sid))).rejects.toMatchObject({
        refusal: 'logged_out',
      })
    expect(at.sessions.openCount).toBe(0)
    expect(await at.db.root.call('sessions', [])).toEqual([])
  })

  test.each([
    ['active', true],
    ['suspended', true],
    ['locked', false],
    ['deactivated', false],
  ])('an account that is %s: session %s', async (status, isAllowed) => {
    await using at = await openSessions()
    await at.db.commit(() => ({ writes: [upsertRow('user', { id: alice, status })], changes: [], result: undefined }))

    const opening = at.sessions.openRecordSession(await at.token(alice, 'a1'))

    if (isAllowed) expect((await opening).userId).toBe(alice)
    else await expect(opening).rejects.toMatchObject({ refusal: 'account_unavailable' })
  })

  test('a token of another key, another access or with other claims is invalid', async () => {
    await using at = await openSessions()
    const other = await loadSessionKeys(await mkdtemp(join(tmpdir(), 'hearth-keys-')), fileSecretBox)
    const claims = {
      NS: 'matrix',
      DB: 'homeserver',
      AC: 'matrix_client',
      ID: `user:⟨${alice}⟩`,
      matrix_user_id: alice,
      matrix_device_id: 'DEV',
      sid: 'a1',
    }
    const sign = (change: object, key = at.keys.live) =>
      new SignJWT({ ...claims, ...change })
        .setProtectedHeader({ alg: 'EdDSA' })
        .setExpirationTime('1h')
        .sign(key.privateKey)

    const refused = [
      await sign({}, other.live),
      await sign({}, at.keys.federation),
      await sign({ AC: 'federation', RL: ['Editor'] }),
      await sign({ NS: 'other' }),
      await sign({ DB: 'other' }),
      await sign({ ID: `user:⟨${bob}⟩` }),
      await sign({ sid: undefined }),
      'garbage',
    ]
    for (const token of refused)
      await expect(at.sessions.openRecordSession(token)).rejects.toMatchObject({ refusal: 'invalid' })
    expect((await at.sessions.openRecordSession(await sign({}))).sid).toBe('a1')
  })

  test('logout ends all channels of the login session at once, live queries included, and no other', async () => {
    await using at = await openSessions()
    const first = await at.sessions.openRecordSession(await at.token(alice, 'a1'))
    const second = await at.sessions.openRecordSession(await at.token(alice, 'a1'))
    const bobs = await at.sessions.openRecordSession(await at.token(bob, 'b1'))
    const reasons = [endOf(first), endOf(second), endOf(bobs)]
    const [liveId] = await at.sessions.query<[{ toString(): string }]>(first, 'LIVE SELECT * FROM account_data')
    first.noteLive(liveId.toString(), 'account_data')
    expect(await livesOf(at.db, 'account_data')).toEqual([liveId.toString()])

    const ending = at.sessions.endLoginSession('a1')

    expect(reasons).toEqual([['logged_out'], ['logged_out'], []])
    expect(() => at.sessions.validateSession(first)).toThrow('logged_out')
    await ending
    expect(await livesOf(at.db, 'account_data')).toEqual([])
    expect((await at.db.root.call<unknown[]>('sessions', [])).map(String)).toEqual([bobs.id.toString()])
    await expect(at.db.root.query('RETURN 1', {}, { session: first.id })).rejects.toThrow('Session not found')
    at.sessions.validateSession(bobs)
  })

  test('a request that is under way when the session ends is waited for, and what it registered is killed', async () => {
    await using at = await openSessions()
    const session = await at.sessions.openRecordSession(await at.token(alice, 'a1'))
    let registered = false
    const request = session.during(async () => {
      const scope = { session: session.id }
      const [liveId] = await at.db.root.query<[unknown]>('LIVE SELECT * FROM account_data', {}, scope)
      session.noteLive(String(liveId), 'account_data')
      registered = true
    })

    await at.sessions.closeSession(session)

    expect(registered).toBe(true)
    await request
    expect(await livesOf(at.db, 'account_data')).toEqual([])
  })

  test('a live query that is noted after the end is silenced all the same', async () => {
    await using at = await openSessions()
    const write = (n: number) =>
      at.db.live.writeLive([insertRow('account_data', { id: [alice, '', `t${n}`], user_id: alice, n })])
    const session = await at.sessions.openRecordSession(await at.token(alice, 'a1'))
    const [liveId] = await at.sessions.query<[unknown]>(session, 'LIVE SELECT * FROM account_data')
    const heard: unknown[] = []
    at.db.engine.onNotification((frame) => {
      const { id, result } = codec.decode<{ id: unknown; result?: { n: number } }>(frame)
      if (String(id) === String(liveId) && result) heard.push(result.n)
    })
    await write(1)
    await at.sessions.closeSession(session)
    await write(2)
    await expect.poll(() => heard).toEqual([1, 2])

    session.noteLive(String(liveId), 'account_data')
    await expect.poll(() => livesOf(at.db, 'account_data')).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 60))
    await write(3)

    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(heard).toEqual([1, 2])
  })

  test('a refresh moves the end of the same session; another login session or user is refused', async () => {
    await using at = await openSessions()
    const session = await at.sessions.openRecordSession(await at.token(alice, 'a1'))
    const before = session.expiresAtMs
    await new Promise((resolve) => setTimeout(resolve, 1100))

    await at.sessions.refreshSession(session, await at.token(alice, 'a1'))
    expect(session.expiresAtMs).toBeGreaterThan(before)
    await expect(at.sessions.refreshSession(session, await at.token(bob, 'b1'))).rejects.toMatchObject({
      refusal: 'invalid',
    })

    const [auth] = await at.sessions.query<[string]>(session, 'RETURN $auth.id()')
    expect(auth).toBe(alice)
  })

  test('a session ends by itself when its token does', async () => {
    await using at = await openSessions()
    const exp = Math.floor(Date.now() / 1000) + 2
    const token = await new SignJWT({
      NS: 'matrix',
      DB: 'homeserver',
      AC: 'matrix_client',
      ID: `user:⟨${alice}⟩`,
      matrix_user_id: alice,
      matrix_device_id: 'DEV',
      sid: 'a1',
    })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setExpirationTime(exp)
      .sign(at.keys.live.privateKey)
    const session = await at.sessions.openRecordSession(token)
    const reasons = endOf(session)

    await expect.poll(() => reasons, { timeout: 4000 }).toEqual(['expired'])

    expect(() => at.sessions.validateSession(session)).toThrow('expired')
    await expect(at.sessions.openRecordSession(token)).rejects.toMatchObject({ refusal: 'expired' })
    await expect.poll(() => at.db.root.call('sessions', [])).toEqual([])
  })

  test('keys are private files, made once', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hearth-keys-'))
    const first = await loadSessionKeys(dir, fileSecretBox)
    const again = await loadSessionKeys(dir, fileSecretBox)

    expect(again.live.thumbprint).toBe(first.live.thumbprint)
    expect(again.live.thumbprint).not.toBe(again.federation.thumbprint)
    if (process.platform !== 'win32') expect((await stat(join(dir, 'live.jwk'))).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(join(dir, 'live.jwk'), 'utf8'))).toMatchObject({ kty: 'OKP', crv: 'Ed25519' })
    expect(codec.decode(codec.encode(first.live.publicPem))).toContain('BEGIN PUBLIC KEY')
  })
})

async function livesOf(db: Awaited<ReturnType<typeof openTestDatabase>>, table: string): Promise<string[]> {
  const [{ lives }] = await db.query<[{ lives: Record<string, string> }]>(`INFO FOR TABLE ${table}`)
  return Object.keys(lives)
}
