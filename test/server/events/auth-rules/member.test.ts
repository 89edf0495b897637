/** Rule `member`, one test per branch. */
import { describe, expect, test } from 'vitest'
import {
  checkAgainstState,
  checkAuthEventsSelection,
  checkAuthRules,
} from '../../../../server/events/auth-rules/index.js'
import type { JsonObject } from '../../../../server/events/pdu.js'
import { knownRoomVersions } from '../../../../server/events/room-versions.js'
import { buildRoom, type EventInput, RoomBuilder } from '../../../support/pdu-builder.js'

const alice = '@alice:a.example' // creator, level 100
const mod = '@mod:a.example' // level 50
const bob = '@bob:b.example' // level 0
const carol = '@carol:c.example' // level 0, not in the room unless put there

const allowed = { allowed: true }
const refused = (rule: string, reason?: RegExp) => ({
  allowed: false,
  rule,
  ...(reason ? { reason: expect.stringMatching(reason) } : {}),
})

/** A public room with moderator and Bob joined. */
function room(version = '11', levels: JsonObject = {}): RoomBuilder {
  const built = buildRoom({ version })
  const creatorLevel = built.rules.creatorsAbovePowerLevels ? {} : { [alice]: 100 }
  built.powerLevels({ users: { ...creatorLevel, [mod]: 50 }, invite: 25, ...levels })
  built.joinRule('public')
  built.member(mod, 'join')
  built.member(bob, 'join')
  return built
}

/** Puts a user into a membership, whether that is allowed or not. */
const put = (built: RoomBuilder, userId: string, membership: string) => built.member(userId, membership)

const verdict = (
  built: RoomBuilder,
  sender: string,
  target: string,
  content: JsonObject,
  input: Partial<EventInput> = {},
) =>
  checkAgainstState(
    built.event({ type: 'm.room.member', sender, stateKey: target, content, ...input }),
    built.lookup(),
    built.rules,
  )

const own = (built: RoomBuilder, userId: string, membership: string, extra: JsonObject = {}) =>
  verdict(built, userId, userId, { membership, ...extra })

describe('any member event', () => {
  test('without a state key or a membership it is refused', () => {
    const built = room()
    const event = built.event({ type: 'm.room.member', sender: bob, content: { membership: 'join' } })
    expect(checkAgainstState(event, built.lookup(), built.rules)).toMatchObject(refused('member', /state key/))
    expect(verdict(built, bob, bob, {})).toMatchObject(refused('member', /missing/))
  })

  test('with an unknown membership it is refused', () => {
    for (const membership of ['', 'JOIN', 'constructor', 1, null])
      expect(verdict(room(), bob, bob, { membership })).toMatchObject(refused('member', /unknown/))
  })
})

describe('join', () => {
  test.each(knownRoomVersions)('version %s: the creator joins right after the create event', (version) => {
    const built = new RoomBuilder({ version })
    const event = built.event({
      type: 'm.room.member',
      sender: alice,
      stateKey: alice,
      content: { membership: 'join' },
    })
    const authEvents = built.authEventsOf(event)
    expect(checkAuthRules(event, authEvents, built.rules, { createEvent: built.create })).toEqual(allowed)
  })

  test('nobody else joins right after the create event, and the creator not after other events', () => {
    const built = new RoomBuilder()
    expect(own(built, bob, 'join')).toMatchObject(refused('member.join'))
    built.send({ type: 'm.room.topic', sender: alice, stateKey: '' })
    expect(own(built, alice, 'join')).toMatchObject(refused('member.join', /invited/))
  })

  test('nobody can make another user join', () => {
    expect(verdict(room(), alice, carol, { membership: 'join' })).toMatchObject(refused('member.join', /another user/))
  })

  test('a banned user cannot join, even a public room', () => {
    const built = room()
    put(built, carol, 'ban')
    expect(own(built, carol, 'join')).toMatchObject(refused('member.join', /banned/))
  })

  test('anybody can join a public room', () => {
    expect(own(room(), carol, 'join')).toEqual(allowed)
  })

  test('under the rule invite only the invited and the joined can', () => {
    const built = room()
    built.joinRule('invite')
    expect(own(built, carol, 'join')).toMatchObject(refused('member.join', /not invited/))
    expect(own(built, bob, 'join', { displayname: 'Bob' })).toEqual(allowed)
    put(built, carol, 'invite')
    expect(own(built, carol, 'join')).toEqual(allowed)
  })

  test('without join rules it is as under invite', () => {
    const built = buildRoom()
    expect(own(built, carol, 'join')).toMatchObject(refused('member.join'))
    put(built, carol, 'invite')
    expect(own(built, carol, 'join')).toEqual(allowed)
  })

  test('under the rule knock it is as under invite from version 7 on, and nobody can join before', () => {
    for (const [version, verdictOnInvited] of [
      ['7', allowed],
      ['6', refused('member.join', /nobody can join/)],
    ] as const) {
      const built = room(version)
      built.joinRule('knock')
      expect(own(built, carol, 'join')).toMatchObject(refused('member.join'))
      put(built, carol, 'invite')
      expect(own(built, carol, 'join')).toMatchObject(verdictOnInvited)
    }
  })

  test('under an unknown or missing rule nobody can join', () => {
    for (const rule of ['private', 'x', undefined, 5]) {
      const built = room()
      built.send({
        type: 'm.room.join_rules',
        sender: alice,
        stateKey: '',
        content: rule === undefined ? {} : { join_rule: rule },
      })
      put(built, carol, 'invite')
      expect(own(built, carol, 'join')).toMatchObject(refused('member.join', /nobody can join/))
    }
  })

  describe.each([
    ['restricted', '8', '7'],
    ['knock_restricted', '10', '9'],
  ])('under the rule %s', (rule, first, before) => {
    const restricted = (version: string) => {
      const built = room(version)
      built.joinRule(rule, { allow: [] })
      return built
    }
    const via = (userId: unknown) => ({ join_authorised_via_users_server: userId })

    test('a user whom a joined member with invite power vouches for can join', () => {
      expect(own(restricted(first), carol, 'join', via(mod))).toEqual(allowed)
    })

    test('an invited or joined user needs nobody', () => {
      const built = restricted(first)
      expect(own(built, bob, 'join')).toEqual(allowed)
      put(built, carol, 'invite')
      expect(own(built, carol, 'join')).toEqual(allowed)
    })

    test('without anybody to vouch the join is refused', () => {
      for (const extra of [{}, via(1)])
        expect(own(restricted(first), carol, 'join', extra)).toMatchObject(refused('member.join', /neither/))
    })

    test('the one who vouches must be joined and have invite power', () => {
      const built = restricted(first)
      expect(own(built, carol, 'join', via('@nobody:a.example'))).toMatchObject(refused('member.join', /not joined/))
      expect(own(built, carol, 'join', via(bob))).toMatchObject(refused('member.join', /may not invite/))
    })

    test('the version before knows no such rule', () => {
      const built = restricted(before)
      expect(own(built, carol, 'join', via(mod))).toMatchObject(refused('member.join', /nobody can join/))
    })
  })

  test('a join that somebody vouches for must carry that server’s signature from version 8 on', () => {
    const selection = (version: string, members: JsonObject, authoriser: unknown = mod, membership = 'join') => {
      const built = room(version)
      const content = { membership, join_authorised_via_users_server: authoriser }
      const event = built.event({ type: 'm.room.member', sender: carol, stateKey: carol, content, members })
      return checkAuthEventsSelection(event, built.authEventsOf(event), built.rules)
    }
    const signatures = { 'a.example': { 'ed25519:1': 'x' } }
    expect(selection('8', { signatures })).toEqual(allowed)
    expect(selection('8', {})).toMatchObject(refused('member', /not signed/))
    expect(selection('8', {}, mod, 'leave')).toMatchObject(refused('member', /not signed/))
    expect(selection('8', { signatures }, 'mod')).toMatchObject(refused('member', /not a user ID/))
    expect(selection('7', {})).toEqual(allowed)
  })
})

describe('invite', () => {
  const invite = (built: RoomBuilder, sender: string, target: string) =>
    verdict(built, sender, target, { membership: 'invite' })

  test('a joined user with the invite level can invite', () => {
    expect(invite(room(), mod, carol)).toEqual(allowed)
  })

  test('a user below the invite level cannot', () => {
    expect(invite(room(), bob, carol)).toMatchObject(refused('member.invite', /may not invite/))
  })

  test('a user who is not joined cannot', () => {
    expect(invite(room(), carol, '@dora:d.example')).toMatchObject(refused('member.invite', /sender is not joined/))
  })

  test('a joined or banned user cannot be invited', () => {
    const built = room()
    expect(invite(built, mod, bob)).toMatchObject(refused('member.invite', /joined or banned/))
    put(built, carol, 'ban')
    expect(invite(built, mod, carol)).toMatchObject(refused('member.invite', /joined or banned/))
  })
})

describe('leave', () => {
  const kick = (built: RoomBuilder, sender: string, target: string) =>
    verdict(built, sender, target, { membership: 'leave' })

  test('a joined or invited user can leave, others cannot', () => {
    const built = room()
    expect(own(built, bob, 'leave')).toEqual(allowed)
    put(built, carol, 'invite')
    expect(own(built, carol, 'leave')).toEqual(allowed)
    for (const membership of ['leave', 'ban']) {
      put(built, carol, membership)
      expect(own(built, carol, 'leave')).toMatchObject(refused('member.leave', /not in the room/))
    }
    expect(own(built, '@dora:d.example', 'leave')).toMatchObject(refused('member.leave'))
  })

  test('a knock can be withdrawn from version 7 on', () => {
    for (const [version, expected] of [
      ['7', allowed],
      ['6', refused('member.leave')],
    ] as const) {
      const built = room(version)
      put(built, carol, 'knock')
      expect(own(built, carol, 'leave')).toMatchObject(expected)
    }
  })

  test('a user with the kick level can kick a user below', () => {
    expect(kick(room(), mod, bob)).toEqual(allowed)
  })

  test('a user without the kick level, or against an equal, cannot', () => {
    const built = room()
    put(built, carol, 'join')
    expect(kick(built, bob, carol)).toMatchObject(refused('member.leave', /may not kick/))
    expect(kick(built, mod, alice)).toMatchObject(refused('member.leave', /may not kick/))
    const equals = room('11', { users: { [mod]: 50, [bob]: 50 } })
    expect(kick(equals, mod, bob)).toMatchObject(refused('member.leave', /may not kick/))
  })

  test('a user who is not joined cannot kick', () => {
    const built = room()
    put(built, mod, 'leave')
    expect(kick(built, mod, bob)).toMatchObject(refused('member.leave', /sender is not joined/))
  })

  test('an unban needs the ban level, the kick level and more power than the user', () => {
    const unban = (levels: JsonObject) => {
      const built = room('11', levels)
      put(built, bob, 'ban')
      return kick(built, mod, bob)
    }
    expect(unban({})).toEqual(allowed)
    expect(unban({ ban: 51 })).toMatchObject(refused('member.leave', /lift a ban/))
    expect(unban({ ban: 0, kick: 51 })).toMatchObject(refused('member.leave', /may not kick/))
    expect(unban({ users: { [mod]: 50, [bob]: 50 } })).toMatchObject(refused('member.leave', /may not kick/))
  })
})

describe('ban', () => {
  const ban = (built: RoomBuilder, sender: string, target: string) =>
    verdict(built, sender, target, { membership: 'ban' })

  test('a user with the ban level can ban a user below, in the room or not', () => {
    expect(ban(room(), mod, bob)).toEqual(allowed)
    expect(ban(room(), mod, carol)).toEqual(allowed)
  })

  test('a user without the ban level, or against an equal, cannot', () => {
    expect(ban(room(), bob, carol)).toMatchObject(refused('member.ban', /may not ban/))
    expect(ban(room(), mod, alice)).toMatchObject(refused('member.ban', /may not ban/))
    expect(ban(room('11', { ban: 60 }), mod, bob)).toMatchObject(refused('member.ban', /may not ban/))
  })

  test('a user who is not joined cannot ban', () => {
    expect(ban(room(), carol, bob)).toMatchObject(refused('member.ban', /sender is not joined/))
  })

  test('in version 12 nobody can ban a creator, and no creator another one', () => {
    const built = new RoomBuilder({ version: '12', createContent: { additional_creators: [bob] } })
    for (const userId of [alice, bob, mod]) put(built, userId, 'join')
    built.powerLevels({ users: { [mod]: 9007199254740991 } })
    expect(ban(built, mod, bob)).toMatchObject(refused('member.ban'))
    expect(ban(built, alice, bob)).toMatchObject(refused('member.ban'))
    expect(ban(built, bob, mod)).toEqual(allowed)
  })
})

describe('knock', () => {
  const knocking = (version: string, rule: string) => {
    const built = room(version)
    built.joinRule(rule)
    return built
  }

  test('a stranger can knock where the rule is knock, from version 7 on', () => {
    expect(own(knocking('7', 'knock'), carol, 'knock')).toEqual(allowed)
    expect(own(knocking('6', 'knock'), carol, 'knock')).toMatchObject(refused('member', /no knocking/))
  })

  test('and where it is knock_restricted, from version 10 on', () => {
    expect(own(knocking('10', 'knock_restricted'), carol, 'knock')).toEqual(allowed)
    expect(own(knocking('9', 'knock_restricted'), carol, 'knock')).toMatchObject(refused('member.knock', /join rule/))
  })

  test('nobody can knock under another rule', () => {
    for (const rule of ['public', 'invite', 'restricted'])
      expect(own(knocking('11', rule), carol, 'knock')).toMatchObject(refused('member.knock', /join rule/))
  })

  test('nobody can knock for another user', () => {
    const built = knocking('11', 'knock')
    expect(verdict(built, bob, carol, { membership: 'knock' })).toMatchObject(refused('member.knock', /another user/))
  })

  test('a banned, invited or joined user cannot knock; one who left or knocked before can', () => {
    const built = knocking('11', 'knock')
    for (const membership of ['ban', 'invite', 'join']) {
      put(built, carol, membership)
      expect(own(built, carol, 'knock')).toMatchObject(refused('member.knock', /banned, invited or joined/))
    }
    for (const membership of ['leave', 'knock']) {
      put(built, carol, membership)
      expect(own(built, carol, 'knock')).toEqual(allowed)
    }
  })
})
