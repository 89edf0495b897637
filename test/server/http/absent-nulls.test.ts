/** `null` for an optional member of a body is as if it were absent. */

import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { nullsDroppedBy } from '../../../server/http/absent-nulls.js'
import { startHomeserver } from '../../support/homeserver.js'

const schema = Type.Object({
  required: Type.String(),
  optional: Type.Optional(Type.String()),
  list: Type.Optional(Type.Array(Type.String())),
  either: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
  nullable: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  anything: Type.Optional(Type.Unknown()),
  nested: Type.Optional(Type.Object({ inner: Type.Optional(Type.String()), needed: Type.Integer() })),
  content: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})

test('only where a member may be absent and may not be null', () => {
  const drop = nullsDroppedBy(schema)

  expect(
    drop({
      ...{ required: null, optional: null, list: null, either: null, nullable: null, anything: null, unknown: null },
      ...{ nested: { inner: null, needed: null }, content: { kept: null } },
    }),
  ).toEqual({
    ...{ required: null, nullable: null, anything: null, unknown: null },
    ...{ nested: { needed: null }, content: { kept: null } },
  })
  expect(drop({ nested: null, content: null })).toEqual({})
})

test('what has no named members stays as it came', () => {
  for (const value of [null, [null], 'x', 5]) expect(nullsDroppedBy(schema)(value)).toEqual(value)
  expect(nullsDroppedBy(Type.Record(Type.String(), Type.Unknown()))({ a: null })).toEqual({ a: null })
  expect(nullsDroppedBy(undefined)({ a: null })).toEqual({ a: null })
})

test('in requests: what is null is not asked for, the content of events keeps its own', async () => {
  await using hs = await startHomeserver({ users: ['alice'] })
  const alice = hs.as('alice')
  const { status, body } = await alice.post('/createRoom', { name: null, topic: null, preset: null, invite: null })
  const path = `/rooms/${encodeURIComponent(body.room_id)}`
  const sent = await alice.put(`${path}/send/org.example/1`, { kept: null })

  expect([status, sent.status]).toEqual([200, 200])
  expect((await alice.get(`${path}/event/${sent.body.event_id}`)).body.content).toEqual({ kept: null })
  expect((await alice.get(`${path}/state/m.room.name/`)).status).toBe(404)
  expect((await alice.put(`/profile/${alice.userId}/displayname`, { displayname: null })).status).toBeLessThan(500)
})
