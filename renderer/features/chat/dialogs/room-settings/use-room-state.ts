/** A piece of a room's state that its line in the room list does not hold: read, and read again when the room changed. */
import { useEffect, useState } from 'react'
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { useServices } from '../../../../app/services.js'
import { MatrixRequestError } from '../../../../platform/matrix/errors.js'

/** @returns undefined until it is known; an empty content where the room has none */
export function useRoomState(room: RoomSummaryRow, type: string): Record<string, unknown> | undefined {
  const { matrix } = useServices()
  const [content, setContent] = useState<Record<string, unknown>>()
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the room moves its position
  useEffect(() => {
    let isWanted = true
    matrix.readState<Record<string, unknown>>(room.room_id, type).then(
      (read) => isWanted && setContent(read),
      (error: unknown) => {
        if (isWanted && error instanceof MatrixRequestError && error.status === 404) setContent({})
      },
    )
    return () => {
      isWanted = false
    }
  }, [matrix, room.room_id, room.position, type])
  return content
}
