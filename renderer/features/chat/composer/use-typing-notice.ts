/** Tells the room that the user is typing: once every few seconds while they do, and when they stop. */
import { useCallback, useEffect, useRef } from 'react'
import type { Services } from '../../../app/services.js'

const timeoutMs = 15_000
const renewAfterMs = 8_000
const idleAfterMs = 6_000

/** @returns what to call on each change, with whether there is something written */
export function useTypingNotice({ matrix, session }: Services, roomId: string, isAllowed: boolean) {
  const toldAt = useRef(0)
  const idle = useRef<ReturnType<typeof setTimeout>>(undefined)

  const tell = useCallback(
    (isTyping: boolean) => {
      clearTimeout(idle.current)
      if (!isAllowed || (!isTyping && toldAt.current === 0)) return
      const isFresh = Date.now() - toldAt.current < renewAfterMs
      if (!isTyping || !isFresh) {
        toldAt.current = isTyping ? Date.now() : 0
        matrix.setTyping(roomId, session.userId, isTyping, timeoutMs).catch(() => undefined) // nobody misses it
      }
      if (isTyping) idle.current = setTimeout(() => tell(false), idleAfterMs)
    },
    [matrix, session, roomId, isAllowed],
  )
  useEffect(() => () => tell(false), [tell])
  return tell
}
