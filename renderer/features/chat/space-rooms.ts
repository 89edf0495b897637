/**
 * The rooms of a space and of the spaces in it: asked of the server, which asks others for what it does not know, and
 * asked again when the space has changed. Kept for as long as the window is signed in.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
 */
import { useEffect, useState } from 'react'
import { useServices } from '../../app/services.js'
import { makeStore, type Store, useStore } from '../../live/store.js'
import type { MatrixClient } from '../../platform/matrix/client.js'
import type { SpaceRoom } from '../../platform/matrix/rooms.js'
import { useSummary } from './use-room.js'

/** In the order of the space, each once; without the space itself. */
type RoomsOfSpace = {
  rooms: readonly SpaceRoom[]
  /** Those that are in the space itself, not in one that is in it. */
  children: ReadonlySet<string>
  position: number
  error?: unknown
}
type Known = ReadonlyMap<string, RoomsOfSpace>

const byClient = new WeakMap<MatrixClient, Store<Known>>()

function storeOf(matrix: MatrixClient): Store<Known> {
  const store = byClient.get(matrix) ?? makeStore<Known>(new Map())
  byClient.set(matrix, store)
  return store
}

/** @returns undefined until they are known */
export function useSpaceRooms(spaceId: string | undefined): RoomsOfSpace | undefined {
  const { matrix } = useServices()
  const store = storeOf(matrix)
  const position = useSummary(spaceId)?.position
  const known = useStore(store, (all) => (spaceId ? all.get(spaceId) : undefined))
  const [asked, setAsked] = useState('')
  const isStale = spaceId !== undefined && position !== undefined && known?.position !== position
  useEffect(() => {
    const question = `${spaceId} ${position}`
    if (!isStale || asked === question || !spaceId || position === undefined) return
    setAsked(question)
    matrix.readSpaceRooms(spaceId).then(
      (rooms) => store.update((all) => new Map(all).set(spaceId, { ...readSpace(spaceId, rooms), position })),
      (error: unknown) =>
        store.update((all) => new Map(all).set(spaceId, { ...(all.get(spaceId) ?? nothing), position, error })),
    )
  }, [isStale, asked, spaceId, position, matrix, store])
  return known
}

/** @param via servers through which the room is found */
export const putIntoSpace = (matrix: MatrixClient, spaceId: string, roomId: string, via: readonly string[]) =>
  matrix.sendState(spaceId, 'm.space.child', roomId, { via })

export const takeOutOfSpace = (matrix: MatrixClient, spaceId: string, roomId: string) =>
  matrix.sendState(spaceId, 'm.space.child', roomId, {})

const nothing = { rooms: [], children: new Set<string>() }

function readSpace(spaceId: string, answer: readonly SpaceRoom[]) {
  const seen = new Set([spaceId])
  const own = answer.find(({ room_id }) => room_id === spaceId)?.children_state ?? []
  return {
    rooms: answer.filter(({ room_id }) => !seen.has(room_id) && seen.add(room_id)),
    children: new Set(own.map(({ state_key }) => state_key)),
  }
}

/** Servers to join a room of a space through, as the space says. */
export function viaOf(rooms: readonly SpaceRoom[], roomId: string): string[] {
  for (const { children_state } of rooms)
    for (const { state_key, content } of children_state)
      if (state_key === roomId && Array.isArray(content.via))
        return content.via.filter((server): server is string => typeof server === 'string').slice(0, 5)
  return []
}
