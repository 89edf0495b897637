/**
 * Answers that are more than a JSON object with status 200. An endpoint returns either a plain
 * object (sent as JSON, 200) or one of these.
 */
import type { Readable } from 'node:stream'

export class Reply {
  constructor(
    readonly status: number,
    readonly body: object | string | Uint8Array | Readable | undefined,
    readonly headers: Readonly<Record<string, string>>,
    /** `json` bodies are serialised when they are sent, `raw` goes out as it is. */
    readonly form: 'json' | 'raw',
  ) {}
}

/** JSON with another status or further headers, e.g. the 401 of user-interactive auth. */
export const json = (status: number, body: object, headers: Record<string, string> = {}) =>
  new Reply(status, body, headers, 'json')

/** Bytes or a stream with their own content type in `headers`. */
export const raw = (status: number, body: Uint8Array | Readable | string, headers: Record<string, string>) =>
  new Reply(status, body, headers, 'raw')
