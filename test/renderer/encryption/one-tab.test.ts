/** Several tabs of one device: one works, the others ask it, and the next takes over. */
import { afterEach, expect, test } from 'vitest'
import { type Led, makeOneTab } from '../../../renderer/encryption/one-tab.js'
import { makeLocks } from '../support/browser.js'

type Work = { whoAreYou(ask: { from: string }): Promise<string>; fail(ask: object): Promise<never> }
const tabs: Led<Work>[] = []
let round = 0
let locks = makeLocks()
afterEach(() => {
  for (const tab of tabs.splice(0)) void tab.stop()
  locks = makeLocks()
  round++
})

function openTab(name: string, { hangs = false } = {}) {
  const news: unknown[] = []
  const failures: unknown[] = []
  let tell: (news: string) => void = () => undefined
  let asked = 0
  const tab = makeOneTab<Work, string>({
    name: `test ${round}`,
    async lead(told) {
      tell = told
      return {
        calls: {
          whoAreYou: ({ from }) => {
            asked++
            return hangs ? new Promise(() => undefined) : Promise.resolve(`${name} to ${from}`)
          },
          fail: async () => {
            throw new RangeError('too far')
          },
        },
        end: async () => undefined,
      }
    },
    onNews: (each) => news.push(each),
    locks: locks.navigator(name).locks as unknown as LockManager,
    openChannel: (channel) => new BroadcastChannel(channel),
    onFailed: (error) => failures.push(error),
  })
  tabs.push(tab)
  return { tab, news, failures, tell: (each: string) => tell(each), asked: () => asked }
}

test('the first tab works, the second asks it, and both hear its news', async () => {
  const first = openTab('first')
  const second = openTab('second')

  expect(await first.tab.ask('whoAreYou', { from: 'first' })).toBe('first to first')
  expect(await second.tab.ask('whoAreYou', { from: 'second' })).toBe('first to second')
  first.tell('a key')
  await expect.poll(() => second.news).toEqual(['a key'])
  expect(first.news).toEqual(['a key'])
})

test('an error comes with its name to whoever asked', async () => {
  openTab('first')
  const second = openTab('second')

  await expect(second.tab.ask('fail', {})).rejects.toMatchObject({ name: 'RangeError', message: 'too far' })
})

test('what the leading tab did not answer before it ended is answered by the next', async () => {
  const first = openTab('first', { hangs: true })
  const second = openTab('second')
  const third = openTab('third')
  const answers = [second.tab.ask('whoAreYou', { from: 'second' }), third.tab.ask('whoAreYou', { from: 'third' })]
  await expect.poll(first.asked).toBeGreaterThanOrEqual(2)

  void first.tab.stop()
  locks.closeTab('first')

  expect(await Promise.all(answers)).toEqual(['second to second', 'second to third'])
})
