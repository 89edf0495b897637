/** Addresses bound at an identity server of the user's choice, and forgotten there again. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseXMatrix, verifyRequest } from '../../../server/events/x-matrix.js'
import type { ServerName } from '../../../server/kernel/identifiers.js'
import { passwordOf, startHomeserver } from '../../support/homeserver.js'
import { makeTestCa } from '../../support/test-ca.js'

type Told = { path: string; authorization: string; body: Record<string, unknown> }

let told: Told[] = []
let status = 200
let name: string
const bound = { medium: 'email', address: 'alice@example.org' }
const identityServer = createServer(makeTestCa().issue(['127.0.0.1']), async (request, response) => {
  let text = ''
  for await (const chunk of request) text += chunk
  told.push({ path: request.url!, authorization: request.headers.authorization!, body: JSON.parse(text) })
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(status === 200 ? bound : { errcode: 'M_NO_VALID_SESSION', error: 'no' }))
})
beforeAll(async () => {
  await new Promise<void>((resolve) => identityServer.listen(0, '127.0.0.1', resolve))
  name = `127.0.0.1:${(identityServer.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => identityServer.close(resolve)))
beforeEach(() => {
  told = []
  status = 200
})

const start = (allowPrivate = true) =>
  startHomeserver({
    users: ['alice'],
    config({ outbound, federation }) {
      federation.enabled = true // its key is published then
      Object.assign(outbound, { verify_certificates: false, allow_private_addresses: allowPrivate })
    },
  })
const credentials = () => ({ client_secret: 'secret', sid: 'session', id_server: name, id_access_token: 'of-alice' })

test('an address is bound with the user’s own token, the older way too', async () => {
  await using hs = await start()
  const alice = hs.as('alice')
  expect((await alice.post('/account/3pid/bind', credentials())).status).toBe(200)
  expect((await alice.post('/account/3pid', { three_pid_creds: credentials() })).status).toBe(200)
  const one = {
    path: '/_matrix/identity/v2/3pid/bind',
    authorization: 'Bearer of-alice',
    body: { sid: 'session', client_secret: 'secret', mxid: '@alice:test' },
  }
  expect(told).toEqual([one, one])
  // It is bound there, and no address of the account here.
  expect((await alice.get('/account/3pid')).body.threepids).toEqual([])

  status = 404
  const refused = await alice.post('/account/3pid/bind', credentials())
  expect([refused.status, refused.body.errcode]).toEqual([404, 'M_THREEPID_AUTH_FAILED'])
})

test('it is asked to forget one by a request that this server signs', async () => {
  await using hs = await start()
  const request = { ...bound, id_server: name }
  const answer = await hs.as('alice').post('/account/3pid/unbind', request)
  expect(answer.body).toEqual({ id_server_unbind_result: 'success' })
  const [{ path, authorization, body }] = told as [Told]
  expect({ path, body }).toEqual({
    path: '/_matrix/identity/v2/3pid/unbind',
    body: { mxid: '@alice:test', threepid: bound },
  })
  const auth = parseXMatrix(authorization)!
  const { verify_keys: keys } = (await hs.request('GET', '/_matrix/key/v2/server')).body
  const facts = {
    method: 'POST',
    uri: path,
    origin: 'test' as ServerName,
    destination: name as ServerName,
    content: body,
  }
  expect(verifyRequest(facts, auth, keys[auth.key].key)).toBe(true)

  status = 501
  const cannot = await hs.as('alice').post('/account/3pid/unbind', request)
  expect(cannot.body).toEqual({ id_server_unbind_result: 'no-support' })
  const auth2 = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: 'alice' },
    password: passwordOf('alice'),
  }
  expect((await hs.as('alice').post('/account/deactivate', { auth: auth2 })).status).toBe(200)
})

test('a private address is nowhere to ask, and what is no name is refused', async () => {
  await using hs = await start(false)
  const refused = await hs.as('alice').post('/account/3pid/bind', credentials())
  expect([refused.status, refused.body.errcode]).toEqual([502, 'M_UNKNOWN'])
  for (const id_server of ['localhost/path', 'a b', 'user@host', '']) {
    const bad = await hs.as('alice').post('/account/3pid/bind', { ...credentials(), id_server })
    expect([bad.status, bad.body.errcode], id_server).toEqual([400, 'M_INVALID_PARAM'])
  }
  expect(told).toEqual([])
})
