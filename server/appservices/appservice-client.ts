/**
 * Requests to an application service.
 *
 * Where it is, the owner of this server has said in its registration file; so it may be on this machine, as most are.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#homeserver--gt-application-service-api
 */
import type { Outbound } from '../outbound/outbound.js'
import { OutboundError } from '../outbound/outbound-error.js'
import { parseAnswer } from '../outbound/read-answer.js'
import type { Appservice } from './appservices.js'

export type AppserviceAnswer = { status: number; body: unknown; text: string }

export type AppserviceRequest = {
  method: 'GET' | 'PUT' | 'POST'
  /** From `/_matrix/app/v1/` on, its parts encoded, with its query. */
  path: string
  content?: object
  timeoutMs: number
  signal: AbortSignal
}

/** @throws OutboundError; `name` for a service that has no URL */
export type AskAppservice = (to: Appservice, request: AppserviceRequest) => Promise<AppserviceAnswer>

const maxAnswerBytes = 1_000_000

export function makeAskAppservice(outbound: Outbound): AskAppservice {
  return async ({ url, hsToken }, { method, path, content, timeoutMs, signal }) => {
    if (url === undefined) throw new OutboundError('name', 'it has no URL')
    const { status, body } = await outbound.exchange({
      url: new URL(url + path),
      method,
      headers: { authorization: `Bearer ${hsToken}`, ...(content && { 'content-type': 'application/json' }) },
      ...(content && { body: JSON.stringify(content) }),
      timeoutMs,
      maxBytes: maxAnswerBytes,
      signal,
    })
    const text = body.toString('utf8')
    return { status, body: parseAnswer(text), text }
  }
}
