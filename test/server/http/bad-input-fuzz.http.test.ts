/**
 * Random requests at every operation of the specification that is routed: whatever comes, no answer is a 5xx, every
 * refusal has the standard form, and the server goes on.
 *
 * `FUZZ_RUNS` and `FUZZ_SEED` make it longer or other; as it stands it does the same every time.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOperations } from '../../conformance/operations.js'
import { startHomeserver, type TestClient, type TestHomeserver } from '../../support/homeserver.js'
import { hostileRequests } from '../../support/hostile-requests.js'
import type { Plausible } from '../../support/hostile-values.js'
import { readEndpoints } from '../../support/spec-data.js'

const runs = Number(process.env.FUZZ_RUNS ?? 1_500)
const seed = Number(process.env.FUZZ_SEED ?? 1_719)

/** These end the session that asks. */
const endsSession = new Set(['cs:logout', 'cs:logout_all', 'cs:deactivateAccount'])

const { client } = readOperations()
const routed = new Set(
  Object.values(client).flatMap((module) => Object.entries(module).flatMap(([id, isThere]) => (isThere ? [id] : []))),
)
const endpoints = readEndpoints().filter(({ id, sameRouteAs }) => routed.has(id.slice('cs:'.length)) && !sameRouteAs)

describe('random requests', () => {
  let hs: TestHomeserver
  let alice: TestClient
  let roomId: string
  let plausible: Plausible

  const bugs: string[] = []

  beforeAll(async () => {
    hs = await startHomeserver({
      users: ['alice', 'bob'],
      admins: ['alice'],
      log(line) {
        const { level, err } = JSON.parse(line) as { level: number; err?: { stack: string } }
        if (level >= 50) bugs.push(err?.stack ?? line)
      },
    })
    alice = hs.as('alice')
    roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'hall' })
    await hs.as('bob').joinRoom(roomId)
    const eventId = await alice.say(roomId, 'hello')
    const users = [alice.userId, '@bob:test', '@nobody:test']
    const types = ['m.room.message', 'm.room.member', 'm.room.power_levels', 'm.room.canonical_alias', 'm.fully_read']
    const { body: pushRules } = await alice.get('/pushrules/')
    const any = [roomId, eventId, '#hall:test', ...users, ...types, 'm.read', '12', 'alice', 'test']
    plausible = {
      ...{ any, roomId: [roomId], room_id: [roomId], eventId: [eventId], event_id: [eventId] },
      ...{ userId: users, user_id: users, stateKey: ['', ...users], state_key: ['', ...users] },
      ...{ roomAlias: ['#hall:test', '#other:test'], roomIdOrAlias: [roomId, '#hall:test'] },
      ...{ eventType: types, type: [...types, 'm.login.password', 'm.id.user'], deviceId: [alice.deviceId] },
      ...{
        keyName: ['displayname', 'avatar_url', 'm.tz'],
        receiptType: ['m.read', 'm.read.private'],
        kind: ['override'],
      },
      ruleId: pushRules.global.override.map((rule: { rule_id: string }) => rule.rule_id),
      ...{
        serverName: ['test'],
        mediaId: ['abc'],
        filterId: ['0'],
        user: ['alice', 'bob'],
        username: ['alice', 'carol'],
      },
      ...{ from: ['t1_3', 's1_3_x_0'], to: ['t1_1'], since: ['s1_3_x_0'], filter: ['{}', '0'], relType: ['m.thread'] },
    }
  })
  afterAll(() => hs?.close())

  test(`${runs} of them: never a 5xx, and every refusal has its form`, { timeout: 60_000 + runs * 40 }, async () => {
    const requests = hostileRequests(endpoints, plausible, runs, seed)
    const seen = new Map<number, number>()
    const faults: string[] = []
    for (const { endpoint, path, body, authorized } of requests) {
      const token = authorized && !endsSession.has(endpoint.id) ? alice.token : undefined
      bugs.length = 0
      const shown = `${endpoint.method} ${path.slice(0, 200)} ${String(body).slice(0, 300)}`
      try {
        const answer = await hs.request(endpoint.method, path, { body, token })
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
        if (answer.status >= 500) faults.push(`${answer.status}: ${shown}: ${bugs.join(' ')}`)
        if (answer.status >= 400 && !answer.body.errcode && !answer.body.flows) faults.push(`no errcode: ${shown}`)
      } catch (error) {
        faults.push(`${(error as Error).message.slice(0, 300)}: ${shown}`) // the answer does not fit the specification
      }
    }

    if (process.env.FUZZ_RUNS) console.log(Object.fromEntries(seen))
    expect(faults).toEqual([])
    // Both kinds came: requests that were understood and requests that were not.
    expect(seen.get(200)).toBeGreaterThan(runs / 20)
    expect(seen.get(400)).toBeGreaterThan(runs / 20)
    expect((await hs.as('bob').get('/account/whoami')).status).toBe(200)
    const other = await alice.createRoom()
    await alice.say(other, 'still here')
    expect(await alice.timeline(other)).toEqual(['still here'])
  })
})
