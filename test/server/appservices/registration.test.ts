/** Registration files: what is read of them, and what is said of wrong ones. */
import { describe, expect, test } from 'vitest'
import { makeAppservices } from '../../../server/appservices/appservices.js'
import { parseRegistration, readRegistrations } from '../../../server/appservices/registration.js'
import { ConfigError } from '../../../server/kernel/config.js'
import type { RoomAlias, ServerName, UserId } from '../../../server/kernel/identifiers.js'
import { registrationOf } from '../../support/fake-appservice.js'

const good = registrationOf('http://127.0.0.1:9000/')
const parse = (text: string) => parseRegistration(text, 'bridge.yaml')

test('a registration as bridges write it', () => {
  expect(parse(good)).toMatchObject({
    id: 'nowhere',
    url: 'http://127.0.0.1:9000',
    senderLocalpart: 'nowhere_bot',
    isRateLimited: false,
    ephemeralIn: 'ephemeral',
    protocols: ['nowhere'],
    namespaces: { users: [{ exclusive: true }], aliases: [{ exclusive: true }], rooms: [] },
  })
  expect(parse(good.replace(/url: .*/, 'url: null')).url).toBeUndefined()
  expect(parse(good.replace('receive_ephemeral', 'de.sorunome.msc2409.push_ephemeral')).ephemeralIn).toBe(
    'de.sorunome.msc2409.ephemeral',
  )
  expect(parse(good.replace('receive_ephemeral: true', '')).ephemeralIn).toBeUndefined()
  expect(parse('id: a\nurl:\nas_token: b\nhs_token: c\nsender_localpart: d').namespaces.users).toEqual([])
})

describe('a wrong one ends the start with a sentence that names the file and the fault', () => {
  test.each([
    ['- a list', /no registration/],
    ['id: [', /no YAML/],
    [good.replace(/as_token: .*/, ''), /as_token must be a text/],
    [good.replace(/id: nowhere/, 'id: 7'), /id must be a text/],
    [good.replace(/url: .*/, 'url: nonsense'), /url must be a URL/],
    [good.replace(/sender_localpart: .*/, 'sender_localpart: "Not One"'), /sender_localpart/],
    [good.replace("regex: '@nowhere_.*:test'", "regex: '('"), /regex \( of namespaces.users is none/],
    [good.replace('rate_limited: false', 'rate_limited: maybe'), /rate_limited must be true or false/],
    [good.replace('protocols: [nowhere]', 'protocols: nowhere'), /protocols must be a list/],
  ])('%#', (text, sentence) => {
    expect(() => parse(text)).toThrow(ConfigError)
    expect(() => parse(text)).toThrow(sentence)
    expect(() => parse(text)).toThrow(/^bridge\.yaml: .*\.$/)
  })

  test('a file that is not there', () => {
    expect(() => readRegistrations(['/nowhere/at/all.yaml'])).toThrow(/cannot be read/)
  })
})

test('namespaces match from the start of the text, and its own users are those of this server', () => {
  const registration = parse(good.replace('@nowhere_.*:test', '@nowhere_'))
  const { all, checkUserIsFree, checkAliasIsFree, findByToken } = makeAppservices([registration], 'test' as ServerName)
  const [service] = all
  const isOwn = (id: string) => service!.isOwnUser(id as UserId)
  expect([isOwn('@nowhere_a:test'), isOwn('@nowhere_bot:test')]).toEqual([true, true])
  expect([isOwn('@a_@nowhere_:test'), isOwn('@nowhere_a:elsewhere.test'), isOwn('@bob:test')]).toEqual([
    false,
    false,
    false,
  ])
  expect(service!.concernsUser('@nowhere_a:elsewhere.test' as UserId)).toBe(true)
  expect(() => checkUserIsFree('@nowhere_a:test' as UserId, undefined)).toThrow(/belongs to an application service/)
  expect(() => checkUserIsFree('@nowhere_bot:test' as UserId, undefined)).toThrow()
  expect(() => checkUserIsFree('@nowhere_a:test' as UserId, service)).not.toThrow()
  expect(() => checkAliasIsFree('#nowhere_a:test' as RoomAlias, undefined)).toThrow()
  expect(findByToken('something else')).toBeUndefined()
})
