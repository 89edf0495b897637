/** What completes the word at the cursor: people, rooms, emoji, commands. */
import { useEffect, useMemo } from 'react'
import { useServices } from '../../../app/services.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import { type Suggestion, suggest, type Trigger } from './completion.js'

export function useSuggestions(trigger: Trigger | undefined, data: RoomData): Suggestion[] {
  const { live, session } = useServices()
  const { members } = useStore(data.members.store)
  const needsAll = trigger?.sigil === '@'
  useEffect(() => {
    if (needsAll) void data.members.readAll().catch(() => undefined)
  }, [needsAll, data])
  return useMemo(() => {
    if (!trigger) return []
    const recent = data.timeline.store
      .get()
      .timeline.rows.slice(-60)
      .reverse()
      .map((row) => row.sender)
    return suggest(trigger, {
      members: members.values(),
      rooms: live.summaries.get().rooms?.values() ?? [],
      userId: session.userId,
      recent: [...new Set(recent)],
    })
  }, [trigger, members, live, session, data])
}
