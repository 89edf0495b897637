/**
 * Whether a user may see an event of a room, by the room's history visibility and the user's
 * membership when it was sent.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */

export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined'

/** Reads `history_visibility` of the content; `shared` where it is absent or unknown. */
export function readHistoryVisibility(value: unknown): HistoryVisibility {
  return value === 'world_readable' || value === 'invited' || value === 'joined' ? value : 'shared'
}

export type Sight = {
  /** Of the state before the event, as `readHistoryVisibility` reads it. */
  visibility: unknown
  /** The user's membership in the state before the event; undefined where there is none. */
  membershipAtEvent: string | undefined
  /** The user joined at some point after the event. */
  joinedLater: boolean
  /** Where the event is itself an `m.room.history_visibility`: what it says. Either value lets it be seen. */
  visibilityAfter?: unknown
  /** Where the event is the user's own member event: what it says. Either membership lets it be seen. */
  membershipAfter?: string
}

export function mayUserSeeEvent({
  visibility,
  membershipAtEvent,
  joinedLater,
  visibilityAfter = visibility,
  membershipAfter = membershipAtEvent,
}: Sight): boolean {
  return (
    isVisible(readHistoryVisibility(visibility), membershipAtEvent, joinedLater) ||
    isVisible(readHistoryVisibility(visibilityAfter), membershipAfter, joinedLater)
  )
}

function isVisible(visibility: HistoryVisibility, membership: string | undefined, joinedLater: boolean): boolean {
  if (visibility === 'world_readable' || membership === 'join') return true
  if (visibility === 'shared') return joinedLater
  return visibility === 'invited' && membership === 'invite'
}
