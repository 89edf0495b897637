/** OpenID tokens: given to their user, exchanged by anybody once an hour is not over, good for nothing else. */
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../../server/kernel/identifiers.js'
import { makeOpenIdTokens } from '../../../server/users/openid-tokens.js'
import { hashToken } from '../../../server/users/tokens.js'
import { openTestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.js'

const requestToken = (userId: string) => `/user/${encodeURIComponent(userId)}/openid/request_token`
const exchange = (hs: TestHomeserver, token: string) =>
  hs.request('GET', `/_matrix/federation/v1/openid/userinfo?access_token=${token}`)
const unknown = { status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } }

describe('OpenID tokens', () => {
  test('tell a third party whose they are, for an hour', async () => {
    const clock = fakeClock(Date.now())
    await using hs = await startHomeserver({ users: ['alice'], clock })
    const { body } = await hs.as('alice').post(requestToken('@alice:test'))
    expect(body).toMatchObject({ token_type: 'Bearer', matrix_server_name: 'test', expires_in: 3600 })

    expect((await exchange(hs, body.access_token)).body).toEqual({ sub: '@alice:test' })

    clock.advance(60 * 60_000)
    expect(await exchange(hs, body.access_token)).toMatchObject(unknown)
  })

  test('are no access tokens, nor are access tokens OpenID tokens', async () => {
    await using hs = await startHomeserver({ users: ['alice'] })
    const { body } = await hs.as('alice').post(requestToken('@alice:test'))
    expect(await hs.request('GET', '/account/whoami', { token: body.access_token })).toMatchObject(unknown)
    expect(await exchange(hs, hs.as('alice').token)).toMatchObject(unknown)
    expect((await hs.request('GET', '/_matrix/federation/v1/openid/userinfo')).body.errcode).toBe('M_MISSING_TOKEN')
  })

  test('are given to oneself only, and end with the account', async () => {
    await using hs = await startHomeserver({ users: ['alice', 'bob', 'root'], admins: ['root'] })
    expect((await hs.as('alice').post(requestToken('@bob:test'))).status).toBe(403)
    const { body } = await hs.as('bob').post(requestToken('@bob:test'))
    await hs.as('root').put('/_matrix/client/v1/admin/lock/@bob:test', { locked: true })
    expect(await exchange(hs, body.access_token)).toMatchObject(unknown)
  })

  test('are kept by their hash alone, and deleted when they have expired', async () => {
    await using db = await openTestDatabase()
    const clock = fakeClock()
    const tokens = makeOpenIdTokens({ db, clock, isActiveUser: async () => true })
    const { token, expiresInMs } = await tokens.issueOpenIdToken('@alice:test' as UserId)
    clock.advance(1)
    const { token: later } = await tokens.issueOpenIdToken('@alice:test' as UserId)

    const [rows] = await db.query<[object[]]>('SELECT * FROM openid_token')
    expect(rows).toHaveLength(2)
    expect(JSON.stringify(rows)).not.toContain(token.slice(4))
    clock.advance(expiresInMs)
    expect(await tokens.forgetOpenIdTokens(10)).toBe(1)
    const [left] = await db.query<[string[]]>('SELECT VALUE record::id(id) FROM openid_token')
    expect(left).toEqual([hashToken(later)])
  })
})
