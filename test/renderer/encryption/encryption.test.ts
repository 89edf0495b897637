/** Which rooms are encrypted, as far as a page that cannot encrypt goes: it never says in clear what should not be. */
import { beforeEach, expect, test, vi } from 'vitest'
import { makeEncryption } from '../../../renderer/encryption/encryption.js'
import { accountStorage } from '../../../renderer/platform/account-storage.js'
import { MatrixRequestError } from '../../../renderer/platform/matrix/errors.js'
import type { MatrixHttp } from '../../../renderer/platform/matrix/http.js'
import { makeStorage } from '../support/browser.js'

beforeEach(() => {
  vi.stubGlobal('localStorage', makeStorage())
  vi.stubGlobal('navigator', {}) // as over plain HTTP from another machine
  return () => vi.unstubAllGlobals()
})

/** @param listed of the room list; @param state of the room */
function open({ listed, state }: { listed?: boolean; state?: object }) {
  return makeEncryption({
    session: { userId: '@ana:test', deviceId: 'D', accessToken: 't' },
    http: {
      async request() {
        if (state) return state
        throw new MatrixRequestError(404, 'M_NOT_FOUND', 'none', undefined, {})
      },
    } as unknown as MatrixHttp,
    storage: accountStorage('@ana:test'),
    inbox: () => Promise.reject(new Error('not asked for')),
    isListedEncrypted: () => listed,
    readMembers: async () => [],
  })
}
const text = { msgtype: 'm.text', body: 'hello' }
const send = (sealing: ReturnType<typeof open>, type = 'm.room.message') => sealing.seal('!a', type, text)
const megolm = { algorithm: 'm.megolm.v1.aes-sha2' }

test('a room without encryption is written to as ever', async () => {
  expect(await send(open({ listed: false }))).toEqual({ type: 'm.room.message', content: text })
  expect(await send(open({}))).toEqual({ type: 'm.room.message', content: text })
})

test('into an encrypted room nothing goes in clear but reactions', async () => {
  await expect(send(open({ listed: true }))).rejects.toThrow('https')
  await expect(send(open({ state: megolm }))).rejects.toThrow('https')
  expect(await send(open({ listed: true }), 'm.reaction')).toMatchObject({ type: 'm.reaction' })
})

test('a room that was encrypted once stays so, whatever the server says of it later', async () => {
  await expect(send(open({ listed: true }))).rejects.toThrow()

  await expect(send(open({ listed: false }))).rejects.toThrow('https')
})

test('what cannot be read here is said to be so', async () => {
  const { events } = open({})
  events.want('!a', [{ event_id: '$1', sender: '@bo:test', origin_server_ts: 1, content: {} }])

  await expect.poll(() => events.get('$1')).toEqual({ kind: 'locked', cause: 'unavailable' })
})
