/** What is at the end and in view, in a window that has the focus, is read. */
import { useEffect, useRef } from 'react'

export function useMarkRead(
  isAtEnd: boolean,
  last: { event_id: string; seq: number } | undefined,
  onRead: (eventId: string, seq: number) => void,
): void {
  const read = useRef(onRead)
  read.current = onRead
  useEffect(() => {
    if (!isAtEnd || !last) return
    const tell = () => {
      if (document.visibilityState === 'visible' && document.hasFocus()) read.current(last.event_id, last.seq)
    }
    tell()
    window.addEventListener('focus', tell)
    return () => window.removeEventListener('focus', tell)
  }, [isAtEnd, last])
}
