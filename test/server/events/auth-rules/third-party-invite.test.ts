/** Invites to an address: the room's `m.room.third_party_invite` and the invite made from it. */
import { describe, expect, test } from 'vitest'
import { checkAgainstState, checkAuthRules } from '../../../../server/events/auth-rules/index.js'
import type { JsonObject } from '../../../../server/events/pdu.js'
import { signingKeyFromSeed, signJson } from '../../../../server/events/signatures.js'
import { buildRoom } from '../../../support/pdu-builder.js'

const alice = '@alice:a.example'
const bob = '@bob:b.example'
const carol = '@carol:c.example'
const rule = 'member.third-party-invite'
const identityKey = signingKeyFromSeed(new Uint8Array(32).fill(9), 'ed25519:0')
const otherKey = signingKeyFromSeed(new Uint8Array(32).fill(8), 'ed25519:0')
const signed = (over: JsonObject = {}): JsonObject =>
  signJson({ mxid: carol, token: 'abc', sender: alice, ...over }, 'id.example', identityKey)

function room(content: JsonObject = { public_key: identityKey.publicKeyBase64 }) {
  const built = buildRoom()
  built.send({ type: 'm.room.third_party_invite', sender: alice, stateKey: 'abc', content })
  return built
}

const invite = (third_party_invite: unknown, { built = room(), sender = alice } = {}) => {
  const content = { membership: 'invite', third_party_invite }
  const event = built.event({ type: 'm.room.member', sender, stateKey: carol, content })
  return checkAuthRules(event, built.authEventsOf(event), built.rules)
}
const refused = (reason: RegExp) => ({ allowed: false, rule, reason: expect.stringMatching(reason) })

describe('an invite made from a third-party invite', () => {
  test('is allowed when the identity server signed it', () => {
    expect(invite({ signed: signed() })).toEqual({ allowed: true })
  })

  test('is allowed with any of the keys, and with URL-safe spelling', () => {
    const urlSafe = Buffer.from(identityKey.publicKeyBase64, 'base64').toString('base64url')
    const built = room({
      public_key: otherKey.publicKeyBase64,
      public_keys: ['x', { public_key: otherKey.publicKeyBase64 }, { public_key: urlSafe }],
    })
    expect(invite({ signed: signed() }, { built })).toEqual({ allowed: true })
  })

  test('is allowed although its sender has left the room', () => {
    const built = room()
    built.member(alice, 'leave')
    expect(invite({ signed: signed() }, { built })).toEqual({ allowed: true })
  })

  test('is refused for a banned user', () => {
    const built = room()
    built.member(carol, 'ban')
    expect(invite({ signed: signed() }, { built })).toMatchObject(refused(/banned/))
  })

  test('is refused without signed', () => {
    for (const value of [{}, 'x', null, { signed: 'x' }]) expect(invite(value)).toMatchObject(refused(/not signed/))
  })

  test('is refused where signed lacks mxid or token', () => {
    for (const over of [{ mxid: 1 }, { token: null }])
      expect(invite({ signed: signed(over) })).toMatchObject(refused(/no mxid or no token/))
  })

  test('is refused where signed is for another user', () => {
    expect(invite({ signed: signed({ mxid: bob }) })).toMatchObject(refused(/another user/))
  })

  test('is refused where the room has no such third-party invite', () => {
    expect(invite({ signed: signed({ token: 'xyz' }) })).toMatchObject(refused(/no such/))
  })

  test('is refused where the third-party invite is of another sender', () => {
    const built = room()
    built.joinRule('public')
    built.member(bob, 'join')
    expect(invite({ signed: signed() }, { built, sender: bob })).toMatchObject(refused(/another sender/))
  })

  test('is refused where no signature verifies', () => {
    const changed = { ...signed(), extra: 1 }
    const rsa = { ...signed(), signatures: { 'id.example': { 'rsa:0': 'AAAA' } } }
    for (const value of [changed, rsa, { ...signed(), signatures: 'x' }, { ...signed(), signatures: { x: 1 } }])
      expect(invite({ signed: value })).toMatchObject(refused(/no signature/))
    expect(invite({ signed: signed() }, { built: room({ public_key: 5 }) })).toMatchObject(refused(/no signature/))
  })
})

describe('m.room.third_party_invite', () => {
  const send = (level: number) => {
    const built = buildRoom()
    built.powerLevels({ users: { [alice]: 100, [bob]: level }, invite: 30, state_default: 100 })
    built.joinRule('public')
    built.member(bob, 'join')
    const event = built.event({ type: 'm.room.third_party_invite', sender: bob, stateKey: '@not:bob' })
    return checkAgainstState(event, built.lookup(), built.rules)
  }

  test('asks for the invite level and for nothing else', () => {
    expect(send(30)).toEqual({ allowed: true })
    expect(send(29)).toMatchObject({ allowed: false, rule: 'third-party-invite' })
  })
})
