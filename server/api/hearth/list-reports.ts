/**
 * GET /_hearth/admin/v1/reports (operationId `listReports`)
 *
 * What users reported, newest first, a page at a time.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { EventIdSchema, RoomIdSchema, UserIdSchema } from '../../kernel/identifiers.js'
import type { Reports } from '../../users/reports.js'

type Needs = Pick<Reports, 'listReports'>

const ReportSchema = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal('event'), Type.Literal('room'), Type.Literal('user')]),
  /** Milliseconds since the epoch. */
  received_ts: Type.Integer(),
  reporter: UserIdSchema,
  room_id: Type.Optional(RoomIdSchema),
  event_id: Type.Optional(EventIdSchema),
  /** The user reported, or the sender of the event. */
  user_id: Type.Optional(UserIdSchema),
  reason: Type.Optional(Type.String()),
  score: Type.Optional(Type.Integer()),
})

export const listReportsEndpoint = defineEndpoint({
  operationId: 'listReports',
  method: 'GET',
  path: '/_hearth/admin/v1/reports',
  auth: 'admin',
  query: Type.Object({
    from: Type.Optional(Type.Integer({ minimum: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  }),
  response: Type.Object({
    reports: Type.Array(ReportSchema),
    total: Type.Integer(),
    next_token: Type.Optional(Type.String()),
  }),
  async handle({ query: { from = 0, limit = 100 } }, hs: Needs) {
    const { reports, total } = await hs.listReports(from, limit)
    const next = from + reports.length
    return {
      reports: reports.map(({ receivedTs, ...report }) => ({ ...report, received_ts: receivedTs })),
      total,
      ...(next < total && { next_token: String(next) }),
    }
  },
})
