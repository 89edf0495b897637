/**
 * Sending into a room and reading its history.
 *
 * Transaction IDs are made by the caller and used again on every retry, so that a message is sent
 * once however often the network fails.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#sending-events-to-a-room
 */
import type { MatrixHttp } from './http.js'

/** An event in client format. */
export type ClientEvent = {
  event_id: string
  type: string
  sender: string
  origin_server_ts: number
  content: Record<string, unknown>
  state_key?: string
  unsigned?: Record<string, unknown>
  redacts?: string
}

export type MessagesPage = { start: string; end?: string; chunk: ClientEvent[] }

const at = (roomId: string, rest: string) => `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`

/** Unique for this device: the time, and chance for two in one millisecond. */
export const newTxnId = () => `h${Date.now().toString(36)}.${Math.random().toString(36).slice(2, 10)}`

export function makeEvents(http: MatrixHttp) {
  return {
    /** @returns the event ID */
    sendEvent: async (roomId: string, type: string, content: object, txnId: string, signal?: AbortSignal) =>
      (
        await http.request<{ event_id: string }>('PUT', at(roomId, `send/${encodeURIComponent(type)}/${txnId}`), {
          body: content,
          ...(signal ? { signal } : {}),
        })
      ).event_id,
    sendState: async (roomId: string, type: string, stateKey: string, content: object) =>
      (
        await http.request<{ event_id: string }>(
          'PUT',
          at(roomId, `state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`),
          { body: content },
        )
      ).event_id,
    readState: <Content>(roomId: string, type: string, stateKey = '') =>
      http.request<Content>('GET', at(roomId, `state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`)),
    redactEvent: async (roomId: string, eventId: string, txnId: string, reason?: string) =>
      http.request<{ event_id: string }>('PUT', at(roomId, `redact/${encodeURIComponent(eventId)}/${txnId}`), {
        body: reason ? { reason } : {},
      }),
    readEvent: (roomId: string, eventId: string) =>
      http.request<ClientEvent>('GET', at(roomId, `event/${encodeURIComponent(eventId)}`)),
    /** Older events, newest first, from a pagination token; may make the server fetch them from others. */
    readMessages: (roomId: string, from: string | undefined, limit: number, options?: { isAskedAgain?: boolean }) =>
      http.request<MessagesPage>('GET', at(roomId, 'messages'), {
        query: { dir: 'b', limit, from, 'org.hearth.ask_again': options?.isAskedAgain || undefined },
      }),
    /** The pagination token just before an event. */
    readTokenBefore: async (roomId: string, eventId: string) =>
      (
        await http.request<{ start: string }>('GET', at(roomId, `context/${encodeURIComponent(eventId)}`), {
          query: { limit: 0 },
        })
      ).start,
    setTyping: (roomId: string, userId: string, isTyping: boolean, timeoutMs: number) =>
      http.request<object>('PUT', at(roomId, `typing/${encodeURIComponent(userId)}`), {
        body: isTyping ? { typing: true, timeout: timeoutMs } : { typing: false },
      }),
    /** Read receipt and fully-read marker in one. */
    setReadMarkers: (roomId: string, eventId: string, isPrivate = false) =>
      http.request<object>('POST', at(roomId, 'read_markers'), {
        body: { 'm.fully_read': eventId, [isPrivate ? 'm.read.private' : 'm.read']: eventId },
      }),
  }
}
