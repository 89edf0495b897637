/** Cross-signing keys and signatures over HTTP: who is asked for proof, what is verified, who sees what. */
import { describe, expect, test } from 'vitest'
import { passwordOf, startHomeserver, type TestClient } from '../../support/homeserver.js'
import { CrossSigningIdentity, DeviceIdentity } from '../../support/keys.js'

const query = async (client: TestClient, ...of: TestClient[]) =>
  (await client.post('/keys/query', { device_keys: Object.fromEntries(of.map(({ userId }) => [userId, []])) })).body
const upload = (client: TestClient, keys: object, auth?: object) =>
  client.post('/keys/device_signing/upload', { ...keys, ...(auth && { auth }) })
const sign = async (client: TestClient, signed: object) =>
  (await client.post('/keys/signatures/upload', signed)).body.failures

describe('cross-signing', async () => {
  const hs = await startHomeserver()
  let users = 0
  const newUser = () => hs.register(`user${++users}`, false)
  const localpart = ({ userId }: TestClient) => userId.slice(1, userId.indexOf(':'))
  /** With cross-signing keys and a device that has keys. */
  async function newSigner() {
    const client = await newUser()
    const [device, cross] = [new DeviceIdentity(client), new CrossSigningIdentity(client.userId)]
    await client.post('/keys/upload', { device_keys: device.deviceKeys })
    expect((await upload(client, cross.upload())).status).toBe(200)
    return { client, device, cross }
  }

  test('the first keys and the same keys again want no proof; others do, and are taken with it', async () => {
    const { client, cross } = await newSigner()
    const other = new CrossSigningIdentity(client.userId)
    expect((await upload(client, cross.upload())).status).toBe(200)
    const { master_key } = cross.upload()
    expect((await upload(client, { master_key })).status).toBe(200)

    const asked = await upload(client, other.upload())
    expect(asked).toMatchObject({ status: 401, body: { flows: [{ stages: ['m.login.password'] }] } })
    expect((await query(client, client)).master_keys[client.userId].keys).toEqual(master_key.keys)

    const identifier = { type: 'm.id.user', user: client.userId }
    const proof = {
      type: 'm.login.password',
      identifier,
      password: passwordOf(localpart(client)),
      session: asked.body.session,
    }
    expect((await upload(client, {}, proof)).status).toBe(200) // the session remembers the keys
    expect((await query(client, client)).master_keys[client.userId].keys).toEqual(other.upload().master_key.keys)
  })

  test('one new key beside a master key that is kept wants proof as well', async () => {
    const { client, cross } = await newSigner()
    const { user_signing_key } = new CrossSigningIdentity(client.userId).upload()
    const { signatures: _, ...bare } = user_signing_key
    expect(
      (await upload(client, { master_key: cross.upload().master_key, user_signing_key: cross.sign('master', bare) }))
        .status,
    ).toBe(401)
  })

  test('keys are shown to others, the user-signing key to its owner alone', async () => {
    const [{ client: alice, cross }, { client: bob }] = [await newSigner(), await newSigner()]
    const [own, others] = [await query(alice, alice), await query(bob, alice)]
    const keys = cross.upload()

    expect(own).toMatchObject({
      master_keys: { [alice.userId]: keys.master_key },
      self_signing_keys: { [alice.userId]: keys.self_signing_key },
      user_signing_keys: { [alice.userId]: keys.user_signing_key },
    })
    expect(others.master_keys).toEqual(own.master_keys)
    expect(others.self_signing_keys).toEqual(own.self_signing_keys)
    expect(others.user_signing_keys).toEqual({})
  })

  test.each([
    [
      'that is not signed by the master key',
      'M_INVALID_SIGNATURE',
      400,
      (keys: Keys) => ({ ...keys, self_signing_key: { ...keys.self_signing_key, signatures: {} } }),
    ],
    [
      'that is signed by another master key',
      'M_INVALID_SIGNATURE',
      400,
      (keys: Keys, other: Keys) => ({ ...keys, user_signing_key: other.user_signing_key }),
    ],
    ['without any master key', 'M_MISSING_PARAM', 400, ({ self_signing_key }: Keys) => ({ self_signing_key })],
    ['of another user', 'M_BAD_JSON', 400, (keys: Keys) => ({ master_key: { ...keys.master_key, user_id: '@x:y' } })],
    [
      'for another use',
      'M_BAD_JSON',
      400,
      (keys: Keys) => ({ master_key: { ...keys.master_key, usage: ['self_signing'] } }),
    ],
    [
      'under another name',
      'M_BAD_JSON',
      400,
      (keys: Keys) => ({ master_key: { ...keys.master_key, keys: { 'ed25519:x': 'y' } } }),
    ],
  ])('a key %s is refused with %s', async (_, errcode, status, change) => {
    const client = await newUser()
    const [keys, other] = [new CrossSigningIdentity(client.userId), new CrossSigningIdentity(client.userId)]
    expect(await upload(client, change(keys.upload(), other.upload()))).toMatchObject({ status, body: { errcode } })
    expect((await query(client, client)).master_keys).toEqual({})
  })
  type Keys = ReturnType<CrossSigningIdentity['upload']>

  test('a key that is named as a device of the user is refused', async () => {
    const client = await newUser()
    const keys = new CrossSigningIdentity(client.userId)
    await hs.logIn(localpart(client), { device_id: keys.publicKey('master') })
    expect(await upload(client, keys.upload())).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })

  test('a signature of a device and of the own master key are verified, kept and shown to everybody', async () => {
    const [{ client: alice, cross, device }, { client: bob }] = [await newSigner(), await newSigner()]
    const { next_batch: since } = (await alice.get('/sync')).body
    const { master_key } = cross.upload()
    const master = cross.publicKey('master')

    const failures = await sign(alice, {
      [alice.userId]: {
        [alice.deviceId]: cross.sign('self_signing', device.deviceKeys),
        [master]: device.sign(master_key),
      },
    })

    expect(failures).toEqual({})
    const shown = await query(bob, alice)
    const ofDevice = shown.device_keys[alice.userId][alice.deviceId].signatures[alice.userId]
    expect(Object.keys(ofDevice).sort()).toEqual(
      [`ed25519:${alice.deviceId}`, `ed25519:${cross.publicKey('self_signing')}`].sort(),
    )
    expect(shown.master_keys[alice.userId]).toEqual(device.sign(master_key))
    expect((await alice.get(`/sync?since=${since}`)).body.device_lists).toEqual({ changed: [alice.userId], left: [] })
    // A device that uploads its keys again keeps what vouches for it.
    await alice.post('/keys/upload', { device_keys: device.deviceKeys })
    expect((await query(bob, alice)).device_keys[alice.userId][alice.deviceId].signatures[alice.userId]).toEqual(
      ofDevice,
    )
  })

  test("a signature of somebody else's master key is seen and heard of by who made it, and by nobody else", async () => {
    const [{ client: alice, cross: ofAlice }, { client: bob, cross: ofBob }] = [await newSigner(), await newSigner()]
    const carol = await newUser()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    for (const other of [bob, carol]) await other.joinRoom(roomId)
    const since = await Promise.all([alice, bob, carol].map(async (each) => (await each.get('/sync')).body.next_batch))
    const signed = ofAlice.sign('user_signing', ofBob.upload().master_key)

    expect(await sign(alice, { [bob.userId]: { [ofBob.publicKey('master')]: signed } })).toEqual({})

    expect((await query(alice, bob)).master_keys[bob.userId]).toEqual(signed)
    for (const other of [bob, carol])
      expect((await query(other, bob)).master_keys[bob.userId]).toEqual(ofBob.upload().master_key)
    const heard = await Promise.all(
      [alice, bob, carol].map(async (each, i) => (await each.get(`/sync?since=${since[i]}`)).body.device_lists),
    )
    expect(heard).toEqual([{ changed: [bob.userId], left: [] }, undefined, undefined])
  })

  test('each wrong signature is told beside the good ones', async () => {
    const [{ client: alice, cross, device }, { cross: ofBob, client: bob }] = [await newSigner(), await newSigner()]
    const forged = new CrossSigningIdentity(alice.userId)

    const failures = await sign(alice, {
      [alice.userId]: {
        [alice.deviceId]: cross.sign('self_signing', device.deviceKeys),
        [cross.publicKey('master')]: forged.sign('self_signing', cross.upload().master_key),
        UNKNOWN: cross.sign('self_signing', device.deviceKeys),
      },
      [bob.userId]: {
        [ofBob.publicKey('master')]: cross.sign('user_signing', { ...ofBob.upload().master_key, changed: true }),
        [bob.deviceId]: cross.sign('user_signing', { user_id: bob.userId, device_id: bob.deviceId }),
      },
      nobody: { x: {} },
    })

    expect(failures).toMatchObject({
      [alice.userId]: {
        [cross.publicKey('master')]: { errcode: 'M_INVALID_SIGNATURE' },
        UNKNOWN: { errcode: 'M_NOT_FOUND' },
      },
      [bob.userId]: {
        [ofBob.publicKey('master')]: { errcode: 'M_INVALID_PARAM' },
        [bob.deviceId]: { errcode: 'M_NOT_FOUND' },
      },
      nobody: { x: { errcode: 'M_INVALID_PARAM' } },
    })
    expect(failures[alice.userId]).not.toHaveProperty(alice.deviceId)
    expect(
      Object.keys((await query(bob, alice)).device_keys[alice.userId][alice.deviceId].signatures[alice.userId]),
    ).toHaveLength(2)
  })

  test('a signature of which one bit is another is not kept', async () => {
    const { client: alice, cross, device } = await newSigner()
    const signed = cross.sign('self_signing', device.deviceKeys)
    const name = `ed25519:${cross.publicKey('self_signing')}`
    const good = signed.signatures[alice.userId]![name]!
    const bad = (good.startsWith('A') ? 'B' : 'A') + good.slice(1)
    const wrong = { ...signed, signatures: { [alice.userId]: { ...signed.signatures[alice.userId], [name]: bad } } }
    expect(await sign(alice, { [alice.userId]: { [alice.deviceId]: wrong } })).toMatchObject({
      [alice.userId]: { [alice.deviceId]: { errcode: 'M_INVALID_SIGNATURE' } },
    })
    expect((await query(alice, alice)).device_keys[alice.userId][alice.deviceId].signatures).toEqual(
      device.deviceKeys.signatures,
    )
  })

  test('a new master key ends what the former one vouched for', async () => {
    const { client: alice, cross, device } = await newSigner()
    await sign(alice, {
      [alice.userId]: {
        [alice.deviceId]: cross.sign('self_signing', device.deviceKeys),
        [cross.publicKey('master')]: device.sign(cross.upload().master_key),
      },
    })
    const fresh = new CrossSigningIdentity(alice.userId)
    const { master_key } = fresh.upload()
    const { session } = (await upload(alice, { master_key })).body
    const proof = { type: 'm.login.password', password: passwordOf(localpart(alice)), session }
    expect((await upload(alice, { master_key }, proof)).status).toBe(200)

    const own = await query(alice, alice)
    expect(own.master_keys[alice.userId]).toEqual(master_key)
    expect([own.self_signing_keys, own.user_signing_keys]).toEqual([{}, {}])
    expect(own.device_keys[alice.userId][alice.deviceId].signatures).toEqual(device.deviceKeys.signatures)
  })

  test('an account that is closed has neither devices nor cross-signing keys, which who shares a room hears of', async () => {
    const [{ client: alice }, bob] = [await newSigner(), await newUser()]
    await bob.joinRoom(await alice.createRoom({ preset: 'public_chat' }))
    expect((await query(bob, alice)).master_keys).toHaveProperty([alice.userId])
    const { session } = (await alice.post('/account/deactivate', {})).body
    const auth = { type: 'm.login.password', password: passwordOf(localpart(alice)), session }
    expect((await alice.post('/account/deactivate', { auth })).status).toBe(200)
    const { body } = await bob.post('/keys/query', { device_keys: { [alice.userId]: [] } })
    expect([body.device_keys[alice.userId], body.master_keys, body.self_signing_keys]).toEqual([{}, {}, {}])
  })
})
