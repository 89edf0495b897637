/**
 * After which event the line above new messages stands: after what was read when the room was opened, and later after
 * what was there when the window was left, once something new has come.
 */
import { useEffect, useRef, useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { hasUnread } from './use-arrival.js'

export function useNewLine(room: RoomSummaryRow, lastSeq: number): number | undefined {
  const [newAfterSeq, setNewAfterSeq] = useState(() => (hasUnread(room) ? room.read_seq : undefined))
  const leftAt = useRef<number>(undefined)
  const last = useRef(lastSeq)
  last.current = lastSeq
  useEffect(() => {
    const leave = () => {
      leftAt.current = last.current
    }
    const comeBack = () => {
      leftAt.current = undefined
    }
    window.addEventListener('blur', leave)
    window.addEventListener('focus', comeBack)
    return () => {
      window.removeEventListener('blur', leave)
      window.removeEventListener('focus', comeBack)
    }
  }, [])
  useEffect(() => {
    if (leftAt.current !== undefined && leftAt.current > 0 && lastSeq > leftAt.current) setNewAfterSeq(leftAt.current)
  }, [lastSeq])
  return newAfterSeq
}
