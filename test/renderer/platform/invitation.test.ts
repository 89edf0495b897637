/** Coming in by an invitation: which proof is shown, and what happens where an answer was lost. */
import { describe, expect, test } from 'vitest'
import { MatrixRequestError, ServerUnreachableError } from '../../../renderer/platform/matrix/errors.js'
import type { MatrixHttp } from '../../../renderer/platform/matrix/http.js'
import { comeIn } from '../../../renderer/platform/matrix/invitation.js'
import { register } from '../../../renderer/platform/matrix/login.js'

const login = { user_id: '@bo:home.local', device_id: 'D', access_token: 'T' }
const bo = { username: 'bo', password: 'a long way home', deviceName: 'Hearth' }
const newcomer = { ...bo, token: 'hti_secret' }

/** A server where anybody may register, with a token or without. */
function server(answers: Partial<Record<'login' | 'register', () => unknown>> = {}) {
  const asked: string[] = []
  const http = {
    async request(_method: string, path: string, { body }: { body: { auth?: { type: string; token?: string } } }) {
      const what = path.endsWith('/login') ? 'login' : 'register'
      asked.push([what, body.auth?.type, body.auth?.token].filter(Boolean).join(' '))
      const given = answers[what]?.()
      if (given) return given
      if (what === 'login') throw new MatrixRequestError(403, 'M_FORBIDDEN', '', undefined, {})
      if (body.auth) return login
      const flows = [{ stages: ['m.login.dummy'] }, { stages: ['m.login.registration_token'] }]
      throw new MatrixRequestError(401, 'M_UNKNOWN', '', undefined, { session: 's', flows, completed: [] })
    },
  } as unknown as MatrixHttp
  return { http, asked }
}

describe('registering', () => {
  test('shows the token where there is one: it opens more than the account', async () => {
    const { http, asked } = server()
    await register(http, newcomer)
    expect(asked).toEqual(['register', 'register m.login.registration_token hti_secret'])
  })

  test('takes the easier way without one', async () => {
    const { http, asked } = server()
    await register(http, bo)
    expect(asked).toEqual(['register', 'register m.login.dummy'])
  })
})

describe('coming in', () => {
  test('the first time makes the account', async () => {
    const { http, asked } = server()
    expect((await comeIn(http, newcomer, false)).userId).toBe('@bo:home.local')
    expect(asked[0]).toBe('register')
  })

  test('again after an answer was lost is let in to the account that was made', async () => {
    const { http, asked } = server({ login: () => login })
    expect((await comeIn(http, newcomer, true)).userId).toBe('@bo:home.local')
    expect(asked).toEqual(['login'])
  })

  test('again where no account was made makes it', async () => {
    const { http, asked } = server()
    await comeIn(http, newcomer, true)
    expect(asked).toEqual(['login', 'register', 'register m.login.registration_token hti_secret'])
  })

  test('again while the server is still away makes none', async () => {
    const { http } = server({
      login: () => {
        throw new ServerUnreachableError('the server does not answer')
      },
    })
    await expect(comeIn(http, newcomer, true)).rejects.toBeInstanceOf(ServerUnreachableError)
  })
})
