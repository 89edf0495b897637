/**
 * GET /health (operationId `readHealth`)
 *
 * Whether the server does its work, for supervisors: 200 `{"status":"ok"}`; 503 with `full` while the disk has no
 * room and writes are refused, with `failed` when the database needs a fresh process. `reason` is a sentence for people.
 */
import { Type } from 'typebox'
import { defineEndpoint } from '../../http/endpoint.js'
import { json } from '../../http/reply.js'

type Needs = { readCondition(): { status: 'ok' } | { status: 'full' | 'failed'; reason: string } }

export const readHealthEndpoint = defineEndpoint({
  operationId: 'readHealth',
  method: 'GET',
  path: '/health',
  auth: 'none',
  rateLimit: 'none',
  response: Type.Object({ status: Type.Literal('ok') }),
  handle(_request, hs: Needs) {
    const condition = hs.readCondition()
    return condition.status === 'ok' ? condition : json(503, condition)
  },
})
