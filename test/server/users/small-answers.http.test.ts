/** TURN credentials, whom to ask, and third-party networks: what the configuration says, and nothing where it is silent. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { UserId } from '../../../server/kernel/identifiers.js'
import { fakeClock } from '../../support/fake-clock.js'
import { startHomeserver } from '../../support/homeserver.js'

describe('a server that is configured', () => {
  test('gives each user a password for its TURN servers that these can check', async () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1))
    const uris = ['turn:turn.test:3478?transport=udp', 'turns:turn.test']
    await using hs = await startHomeserver({
      users: ['alice'],
      clock,
      config: (config) => {
        config.voip = { turn_uris: uris, turn_shared_secret: 'shared with coturn', turn_ttl_seconds: 600 }
      },
    })

    const { status, body } = await hs.as('alice').get('/voip/turnServer')

    const username = `${Date.UTC(2026, 0, 1) / 1000 + 600}:@alice:test`
    const password = createHmac('sha1', 'shared with coturn').update(username).digest('base64')
    expect([status, body]).toEqual([200, { username, password, uris, ttl: 600 }])
    expect((await hs.request('GET', '/voip/turnServer')).body.errcode).toBe('M_MISSING_TOKEN')
  })

  test('names whom to ask, to anybody', async () => {
    await using hs = await startHomeserver({
      config: (config) => {
        config.support = {
          contact_email: 'help@test.example',
          contact_user_id: '@admin:test' as UserId,
          page_url: 'https://test.example/help',
        }
      },
    })
    expect((await hs.request('GET', '/.well-known/matrix/support')).body).toEqual({
      contacts: [{ role: 'm.role.admin', email_address: 'help@test.example', matrix_id: '@admin:test' }],
      support_page: 'https://test.example/help',
    })
  })
})

test('a server as it comes has no TURN server, names nobody and knows no other networks', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const alice = hs.as('alice')
  expect((await alice.get('/voip/turnServer')).body.errcode).toBe('M_NOT_FOUND')
  expect((await alice.get('/.well-known/matrix/support')).body.errcode).toBe('M_NOT_FOUND')
  expect((await alice.get('/thirdparty/protocols')).body).toEqual({})
})
