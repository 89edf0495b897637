/** The live connection: it comes back by itself, starts everything again, and says the truth about its state. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { makeLiveConnection } from '../../../renderer/live/connection.js'
import { MatrixRequestError, ServerUnreachableError } from '../../../renderer/platform/matrix/errors.js'
import { makeFakeBridge } from '../support/fake-bridge.js'

const sidToken = (sid: string) => `e30.${Buffer.from(JSON.stringify({ sid })).toString('base64url')}.sig`

function connect() {
  const bridge = makeFakeBridge()
  const tokens: (Error | 'ok')[] = []
  const states: string[] = []
  let tokensAsked = 0
  const resumes = new Set<() => void>()
  let signedOut = 0
  const connection = makeLiveConnection({
    connectLive: bridge.connectLive,
    async readLiveToken() {
      tokensAsked++
      const answer = tokens.shift()
      if (answer instanceof Error) throw answer
      return { token: sidToken('sid1'), expires_in_ms: 3_600_000, url: '', namespace: 'matrix', database: 'homeserver' }
    },
    onResumed(handler) {
      resumes.add(handler)
      return () => resumes.delete(handler)
    },
    onSignedOut: () => void signedOut++,
  })
  const tell = () => {
    const state = connection.state.get()
    states.push('reason' in state ? `${state.kind} ${state.reason}` : state.kind)
  }
  connection.state.subscribe(tell)
  return {
    bridge,
    connection,
    tokens,
    states,
    tokensAsked: () => tokensAsked,
    signedOut: () => signedOut,
    resume: () => {
      for (const handler of resumes) handler()
    },
  }
}

const rows = () => {
  const snapshots: unknown[] = []
  const changes: unknown[] = []
  const watch = (name: string) => ({
    live: `LIVE SELECT * FROM ${name}`,
    select: () => ({ statements: [`SELECT * FROM ${name}`] }),
    onSnapshot: (results: unknown[][]) => void snapshots.push(results[0]),
    onChange: (change: unknown) => void changes.push(change),
  })
  return { snapshots, changes, watch }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())
const settle = (ms = 50) => vi.advanceTimersByTimeAsync(ms)

describe('connecting', () => {
  test('authenticates before any query, registers each live query before its SELECT, and is live', async () => {
    const { bridge, connection, states } = connect()
    const { snapshots, changes, watch } = rows()
    connection.watch(watch('a'))
    connection.start()
    await settle()

    bridge.last().notify('LIVE SELECT * FROM a', 'CREATE', { name: 'new' })

    const methods = bridge.last().requests.map(({ method }) => method)
    expect(methods.indexOf('authenticate')).toBeLessThan(methods.indexOf('query'))
    expect(bridge.last().queries).toEqual(['LIVE SELECT * FROM a; SELECT * FROM a'])
    expect(snapshots).toEqual([[{ of: 'SELECT * FROM a' }]])
    expect(changes).toEqual([{ action: 'CREATE', row: { name: 'new' } }])
    expect(states).toEqual(['catching-up catchingUp', 'live'])
    expect(connection.sid()).toBe('sid1')
    connection.stop()
  })

  test('a change of what is watched is one query', async () => {
    const { bridge, connection } = connect()
    const { watch } = rows()
    connection.start()
    const stop = connection.watch(watch('a'))
    await settle()

    stop()
    connection.watch(watch('b'))
    connection.watch(watch('c'))
    await settle()

    expect(bridge.last().queries.at(-1)).toBe(
      'KILL $kill_0; LIVE SELECT * FROM b; SELECT * FROM b; LIVE SELECT * FROM c; SELECT * FROM c',
    )
    expect([...bridge.last().live.values()]).toEqual(['LIVE SELECT * FROM b', 'LIVE SELECT * FROM c'])
    connection.stop()
  })

  test('one live query that is refused does not stop the others', async () => {
    const { bridge, connection } = connect()
    const complain = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { watch } = rows()
    bridge.refuseQueries(/FROM bad/)
    connection.watch(watch('good'))
    connection.watch(watch('bad'))
    connection.start()
    await settle()

    expect([...bridge.last().live.values()]).toEqual(['LIVE SELECT * FROM good'])
    expect(connection.state.get().kind).toBe('live')
    expect(complain).toHaveBeenCalledOnce()
    complain.mockRestore()
    connection.stop()
  })
})

test('what is refused for now, as the account’s share is used up, is asked for again until it is there', async () => {
  const { bridge, connection, states } = connect()
  const { snapshots, watch } = rows()
  connection.watch(watch('early'))
  connection.start()
  await settle()
  bridge.refuseQueries(/./, 4429)

  connection.watch(watch('one'))
  await settle()
  connection.watch(watch('two'))
  await settle(6_000)
  expect(states.slice(1)).toEqual(['live', 'catching-up limits'])
  bridge.refuseQueries()
  await settle(6_000)

  expect([...bridge.last().live.values()].sort()).toEqual(
    ['early', 'one', 'two'].map((name) => `LIVE SELECT * FROM ${name}`),
  )
  expect(snapshots).toHaveLength(3)
  expect(bridge.channels).toHaveLength(1)
  expect(connection.state.get().kind).toBe('live')
  connection.stop()
})

describe('a lost channel', () => {
  test('is replaced at once, and every watch starts again with a snapshot', async () => {
    const { bridge, connection, states } = connect()
    const { snapshots, watch } = rows()
    connection.watch(watch('a'))
    connection.start()
    await settle()

    bridge.last().lose(1012)
    await settle(1_000)

    expect(bridge.channels).toHaveLength(2)
    expect(snapshots).toHaveLength(2)
    expect(states.slice(2)).toEqual(['catching-up restarting', 'catching-up catchingUp', 'live'])
    connection.stop()
  })

  test('a server that stays away is offline, asked ever less often, and found again', async () => {
    const { bridge, connection, states } = connect()
    connection.start()
    await settle()
    bridge.refuseChannels(new Error('the server gave no live channel'))

    bridge.last().lose(1006)
    await settle(60_000)
    expect(states.at(-1)).toBe('offline unreachable')

    bridge.refuseChannels(undefined)
    await settle(13_000)
    expect(states.at(-1)).toBe('live')
    connection.stop()
  })

  test('a server that comes back soon is found within two seconds, whenever that is', async () => {
    for (const awayMs of [1_000, 7_000, 30_000, 90_000]) {
      const { bridge, connection } = connect()
      connection.start()
      await settle()
      bridge.refuseChannels(new Error('the server gave no live channel'))
      bridge.last().lose(1006)
      await settle(awayMs)

      bridge.refuseChannels(undefined)
      await settle(2_000)

      expect(connection.state.get(), `${awayMs} ms`).toEqual({ kind: 'live' })
      connection.stop()
    }
  })

  test('trying now does not wait for the next turn', async () => {
    const { bridge, connection } = connect()
    connection.start()
    await settle()
    bridge.refuseChannels(new Error('the server gave no live channel'))
    bridge.last().lose(1006)
    await settle(10 * 60_000)
    bridge.refuseChannels(undefined)

    connection.tryNow()
    await settle()

    expect(connection.state.get()).toEqual({ kind: 'live' })
  })

  test('an account that is locked says so, and is let in again when it is unlocked', async () => {
    const { connection, tokens, signedOut } = connect()
    const locked = new MatrixRequestError(401, 'M_USER_LOCKED', 'This account is locked.', undefined, {})
    tokens.push(locked, locked)
    connection.start()
    await settle()
    expect(connection.state.get()).toEqual({ kind: 'offline', reason: 'locked' })

    await settle(5_000)

    expect(connection.state.get()).toEqual({ kind: 'live' })
    expect(signedOut()).toBe(0)
  })

  test('a machine that wakes up does not wait for the next try', async () => {
    const { bridge, connection, resume, states } = connect()
    connection.start()
    await settle()
    bridge.refuseChannels(new Error('the server gave no live channel'))
    bridge.last().lose(1006)
    await settle(60_000)
    bridge.refuseChannels(undefined)

    resume()
    await settle(500)

    expect(states.at(-1)).toBe('live')
    connection.stop()
  })

  test.each([
    [4401, 'expired'],
    [4408, 'tooSlow'],
    [1012, 'restarting'],
    [1006, 'unreachable'],
  ])('close code %i is %s', async (code, reason) => {
    const { bridge, connection, states } = connect()
    connection.start()
    await settle()

    bridge.last().lose(code)
    await settle(0)

    expect(states.at(-1)).toBe(`catching-up ${reason}`)
    connection.stop()
  })

  test('limits are given time', async () => {
    const { bridge, connection } = connect()
    connection.start()
    await settle()

    bridge.last().lose(4429)
    await settle(3_000)
    expect(bridge.channels).toHaveLength(1)

    await settle(4_000)
    expect(bridge.channels).toHaveLength(2)
    connection.stop()
  })

  test('a login that ended is reported and nothing is tried again', async () => {
    const { bridge, connection, states, signedOut } = connect()
    connection.start()
    await settle()

    bridge.last().lose(4403)
    await settle(60_000)

    expect(states.at(-1)).toBe('offline loggedOut')
    expect(signedOut()).toBe(1)
    expect(bridge.channels).toHaveLength(1)
  })

  test('whoever waited for an answer gets an error, not silence', async () => {
    const { bridge, connection } = connect()
    connection.start()
    await settle()
    bridge.last().isSilent = true

    const answer = connection.query('SELECT 1').catch((error: Error) => error.name)
    await settle(0)
    bridge.last().lose(1006)

    expect(await answer).toBe('ChannelClosedError')
    await expect(connection.query('SELECT 1')).rejects.toThrow('no live channel')
    connection.stop()
  })

  test('one that answers no ping counts as lost', async () => {
    const { bridge, connection } = connect()
    connection.start()
    await settle()
    bridge.last().isSilent = true

    await settle(45_000)

    expect(bridge.channels).toHaveLength(2)
    expect(connection.state.get().kind).toBe('live')
    connection.stop()
  })
})

describe('the token', () => {
  test('is renewed on the same channel before it runs out', async () => {
    const { bridge, connection, tokensAsked } = connect()
    connection.start()
    await settle()

    await settle(0.76 * 3_600_000)

    expect(tokensAsked()).toBe(2)
    expect(bridge.channels).toHaveLength(1)
    expect(bridge.last().requests.filter(({ method }) => method === 'authenticate')).toHaveLength(2)
    connection.stop()
  })

  test('that cannot be had because the server is away is asked for again', async () => {
    const { connection, tokens, states } = connect()
    tokens.push(new ServerUnreachableError('down'), new ServerUnreachableError('down'))
    connection.start()
    await settle(5_000)

    expect(states).toContain('offline unreachable')
    expect(states.at(-1)).toBe('live')
    connection.stop()
  })

  test('that the server refuses is told with its reason', async () => {
    const { connection, tokens } = connect()
    tokens.push(new MatrixRequestError(403, 'M_FORBIDDEN', 'Guests may not.', undefined, {}))
    connection.start()
    await settle(0)

    expect(connection.state.get()).toEqual({ kind: 'offline', reason: 'refused', error: 'Guests may not.' })
    connection.stop()
  })
})
