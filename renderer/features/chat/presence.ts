/** Whose presence the chat follows: the people of direct conversations and of the open room. */
import { useEffect } from 'react'
import { useServices } from '../../app/services.js'
import { useStore } from '../../live/store.js'

/** People in the open room beyond this many are not followed: each is a term of the live query. */
const mostOfRoom = 100
let ofRoom: readonly string[] = []
let ofDirect: readonly string[] = []

export function useFollowPresence(): void {
  const { live } = useServices()
  const { rooms } = useStore(live.summaries)
  useEffect(() => {
    const direct = [...(rooms?.values() ?? [])].filter((room) => room.is_direct && room.membership === 'join')
    ofDirect = direct.map((room) => room.heroes[0]).filter((userId) => userId !== undefined)
    live.presence.follow([...ofDirect, ...ofRoom])
  }, [live, rooms])
}

/** Follows the members of a room too, while its list of people is shown. */
export function useFollowMembers(userIds: readonly string[]): void {
  const { live } = useServices()
  useEffect(() => {
    ofRoom = userIds.slice(0, mostOfRoom)
    live.presence.follow([...ofDirect, ...ofRoom])
    return () => {
      ofRoom = []
    }
  }, [live, userIds])
}

export const usePresence = (userId: string | undefined) =>
  useStore(useServices().live.presence.store, (presence) => (userId ? presence.get(userId)?.presence : undefined))
