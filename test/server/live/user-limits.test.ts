/** What a user may take of the database over time: waiting for a share, being refused, being shut out. */
import { describe, expect, test } from 'vitest'
import { liveLimits } from '../../../server/live/close-codes.js'
import { ShareUsedUp, UserLimits } from '../../../server/live/user-limits.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'

const [alice, bob] = [user('alice'), user('bob')]
const turns = async () => {
  for (let n = 0; n < 20; n++) await Promise.resolve()
}

function setUp() {
  const clock = fakeClock()
  const limits = new UserLimits(clock)
  const started: string[] = []
  const ask = (userId: typeof alice, name: string) =>
    limits.inTurn(userId, false, async () => void started.push(name)).catch((error: Error) => error)
  return { clock, limits, started, ask }
}

describe('the share of a user', () => {
  test('who has used it up waits until it has filled, and somebody else does not', async () => {
    const { clock, limits, started, ask } = setUp()
    for (let n = 0; n < 65; n++) limits.spendEngine(alice, 100) // 6.5 s in short queries: half a second of debt
    void ask(alice, 'alice')
    void ask(bob, 'bob')
    await turns()
    expect(started).toEqual(['bob'])

    clock.advance(1_900)
    await turns()
    expect(started).toEqual(['bob'])
    clock.advance(200)
    await turns()
    expect(started).toEqual(['bob', 'alice'])
  })

  test('what is made for their queries is taken from it, and is no long query of theirs', async () => {
    const { clock, limits, started } = setUp()
    for (let n = 0; n < 18; n++) await limits.atExpense(alice, async () => clock.advance(500))
    const made = limits.beforeMaking(alice).then(() => started.push('made'))
    void limits.beforeMaking(bob).then(() => started.push('bob'))
    await turns()
    expect(started).toEqual(['bob'])
    expect(limits.addChannel(alice)).toBe(true)

    clock.advance(4_000)
    await made

    expect(started).toEqual(['bob', 'made'])
  })

  test('who would wait too long is refused with the time', async () => {
    const { limits, ask } = setUp()
    for (let n = 0; n < 100; n++) limits.spendEngine(alice, 100)

    const refused = await ask(alice, 'alice')

    expect(refused).toBeInstanceOf(ShareUsedUp)
    expect((refused as Error).message).toBe(
      'This account has used up its share of the database: ask again in 17 seconds.',
    )
  })

  test('closing all channels pays no debt', async () => {
    const { limits, ask } = setUp()
    limits.addChannel(alice)
    for (let n = 0; n < 100; n++) limits.spendEngine(alice, 100)
    limits.removeChannel(alice)
    limits.addChannel(alice)

    expect(await ask(alice, 'alice')).toBeInstanceOf(ShareUsedUp)
  })

  test('long queries add up over requests and channels, and shut out for half a minute', () => {
    const { clock, limits } = setUp()
    limits.addChannel(alice)
    const struck = Array.from({ length: 12 }, () => {
      clock.advance(1_000)
      return limits.spendEngine(alice, 500)
    })

    expect(struck.indexOf(true)).toBe(10)
    limits.removeChannel(alice)
    expect(limits.addChannel(alice)).toBe(false)
    expect(limits.addChannel(bob)).toBe(true)
    clock.advance(liveLimits.shutOutMs)
    expect(limits.addChannel(alice)).toBe(true)
  })

  test('short queries never shut out, nor do long ones that are rare', () => {
    const { clock, limits } = setUp()
    for (let n = 0; n < 100; n++) expect(limits.spendEngine(alice, 399)).toBe(false)
    for (let n = 0; n < 20; n++) {
      clock.advance(30_000)
      expect(limits.spendEngine(bob, 2_000)).toBe(false)
    }
  })

  test('the time that writers wait for it is a share of its own', async () => {
    const { clock, limits } = setUp()
    const { size, perSecond } = liveLimits.pauseMs
    limits.spendPause(alice, size + 20)
    let may = false
    void limits.beforeRegistering(alice, 1).then(() => {
      may = true
    })
    await limits.beforeRegistering(bob, 1)
    await turns()
    expect(may).toBe(false)

    clock.advance((1000 * 20) / perSecond + 100)
    await turns()
    expect(may).toBe(true)
  })

  test('each LIVE and KILL counts, however many come in one query', async () => {
    const { limits } = setUp()
    for (let n = 0; n < 2; n++) await limits.beforeRegistering(alice, 65)

    let may = false
    void limits.beforeRegistering(alice, 1).then(() => {
      may = true
    })
    await turns()
    expect(may).toBe(false)
  })
})
