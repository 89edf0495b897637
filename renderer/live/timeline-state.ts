/** What a room's timeline holds, what it is made of, and how much is read at once. */
import type { RoomSummaryRow } from '../../server/api/live/rows.js'
import type { MessagesPage } from '../platform/matrix/events.js'
import type { LiveConnection } from './connection.js'
import type { LoadedTimeline } from './timeline-merge.js'

export type TimelineState = {
  timeline: LoadedTimeline
  /** Nothing older can be had. */
  isAtStart: boolean
  /** What is loaded ends before the newest event. */
  hasNewer: boolean
  isLoadingOlder: boolean
  /** Other servers are asked for what is missing here: it may take a while. */
  isAskingServers: boolean
  /** Holes that other servers were asked about in vain, by the seq above them. */
  passed: ReadonlySet<number>
  /** Why older events could not be had; loadOlder tries again. */
  error?: unknown
}

export type TimelineNeeds = {
  connection: LiveConnection
  readSummary(roomId: string): RoomSummaryRow | undefined
  /** Calls back on each change of the room's summary; returns a function that stops it. */
  onSummary(listener: () => void): () => void
  readMessages(
    roomId: string,
    from: string | undefined,
    limit: number,
    options?: { isAskedAgain?: boolean },
  ): Promise<MessagesPage>
  readTokenBefore(roomId: string, eventId: string): Promise<string>
}

export const firstPage = 20
export const page = 40
export const longestRange = 250
