/** Who reaches the server, in sentences; and where an invitation's link leads. */
import { describe, expect, test } from 'vitest'
import type { Reachability } from '../../renderer/features/home/admin-api.js'
import { invitationUrl, placesOf, urlsOf } from '../../renderer/features/home/people/places.js'
import { describeFederation, describeHome } from '../../renderer/features/home/reach/reach-text.js'
import { usernameFrom } from '../../renderer/platform/matrix/invitation.js'

const lan = { address: '192.168.1.5', interface: 'eth0', is_chosen: true, is_listening: true }
const off: Reachability = {
  this_machine: { url: 'http://127.0.0.1:8008/' },
  home_network: { state: 'off', addresses: [{ ...lan, is_chosen: false, is_listening: false }], connected: [] },
  public: {},
  federation: { is_on: false },
}
const home: Reachability = {
  ...off,
  home_network: { state: 'on', addresses: [{ ...lan, url: 'http://192.168.1.5:8008/' }], connected: [] },
}
const now = 1_800_000_000_000

describe('the network at home', () => {
  test('is said to be reached only where something listens', () => {
    expect(describeHome(off)).toMatchObject({ tone: 'plain' })
    expect(describeHome(off).text).toContain('do not reach')
    expect(describeHome(home)).toMatchObject({ tone: 'good' })
    expect(describeHome(home).text).toContain('http://192.168.1.5:8008/')
    const failed: Reachability = { ...off, home_network: { ...off.home_network, state: 'failed' } }
    expect(describeHome(failed).tone).toBe('warn')
  })
})

describe('other servers', () => {
  const listening = (certificate?: object): Reachability => ({
    ...off,
    federation: { is_on: true, listener: { port: 8448, ...(certificate && { certificate: certificate as never }) } },
  })
  const certificate = { names: ['home.example'], expires_ts: now + 1, is_for_server: true }

  test.each<[string, Reachability, string, RegExp]>([
    ['off', off, 'plain', /off/],
    ['allowed, nothing listens', { ...off, federation: { is_on: true } }, 'warn', /nothing listens/],
    [
      'allowed, an address is configured',
      { ...off, public: { url: 'https://x.example/' }, federation: { is_on: true } },
      'plain',
      /has not tried it/,
    ],
    ['listened for without a certificate', listening(), 'plain', /without a certificate/],
    ['listened for with a certificate', listening(certificate), 'plain', /cannot be seen from here/],
    ['with one that is over', listening({ ...certificate, expires_ts: now }), 'warn', /ended on/],
    ['with one of another name', listening({ ...certificate, is_for_server: false }), 'warn', /not for home\.example/],
  ])('%s', (_, reach, tone, words) => {
    const said = describeFederation(reach, 'home.example', now)
    expect(said.tone).toBe(tone)
    expect(said.text).toMatch(words)
  })

  test('are never said to reach this one', () => {
    for (const reach of [off, listening(), listening(certificate)])
      expect(describeFederation(reach, 'home.example', now).text).not.toMatch(/reach(es)? you|is reached/)
  })
})

describe('an invitation’s link', () => {
  test('is offered where it can be opened, or can be made to', () => {
    expect(placesOf(off)).toEqual(['homeOff', 'here'])
    expect(placesOf(home)).toEqual(['home', 'here'])
    expect(placesOf({ ...home, public: { url: 'https://x.example' } })).toEqual(['public', 'home', 'here'])
    const alone: Reachability = { ...off, home_network: { ...off.home_network, addresses: [] } }
    expect(placesOf(alone)).toEqual(['here'])
  })

  test('carries its token in the fragment', () => {
    const [url] = urlsOf({ ...home, public: { url: 'https://x.example' } }, 'public')
    const link = new URL(invitationUrl(url!, 'hti_secret'))
    expect([link.origin, link.pathname, link.search, link.hash]).toEqual([
      'https://x.example',
      '/',
      '',
      '#invite=hti_secret',
    ])
  })
})

test.each([
  ['Bo', 'bo'],
  [' Oma Inge ', 'oma-inge'],
  ['Jürgen Groß', 'jurgen-gross'],
  ['@bo:home', 'bo-home'],
  ['Олег', ''],
  ['🔥', ''],
])('%j becomes the user name %j', (name, username) => {
  expect(usernameFrom(name)).toBe(username)
})
