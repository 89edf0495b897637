/** The keyboard in the timeline: one message takes the Tab key, the arrow keys move between messages. */
import { type KeyboardEvent, type RefObject, useCallback, useState } from 'react'
import type { VirtualizerHandle } from 'virtua'
import type { TimelineItem } from './timeline-items.js'

type Needs = {
  items: readonly TimelineItem[]
  list: RefObject<VirtualizerHandle | null>
  scroller: RefObject<HTMLDivElement | null>
}

export function useRovingFocus({ items, list, scroller }: Needs) {
  const [focusedKey, setFocusedKey] = useState<string>()
  const focusIndex = items.findIndex((item) => item.key === focusedKey)
  const tabStop = focusIndex >= 0 ? focusIndex : items.findLastIndex((item) => item.kind === 'message')

  const focus = useCallback(
    (key: string) => {
      setFocusedKey(key)
      const find = () => scroller.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)
      const there = find()
      if (there) return there.focus({ preventScroll: true })
      // Two frames: the item is mounted by the scrolling that leads to it.
      requestAnimationFrame(() => requestAnimationFrame(() => find()?.focus({ preventScroll: true })))
    },
    [scroller],
  )
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !isOnMessage(event.target)) return
    const next = nextMessage(items, tabStop, event.key)
    const item = next === undefined ? undefined : items[next]
    if (next === undefined || !item) return
    event.preventDefault()
    list.current?.scrollToIndex(next, { align: 'nearest' })
    focus(item.key)
  }
  return { tabStop, focus, onKeyDown }
}

const isOnMessage = (target: EventTarget) => target instanceof HTMLElement && target.dataset.key !== undefined

function nextMessage(items: readonly TimelineItem[], from: number, key: string): number | undefined {
  const step = { ArrowUp: -1, ArrowDown: 1 }[key]
  if (key === 'Home') return items.findIndex((item) => item.kind === 'message')
  if (key === 'End') return items.findLastIndex((item) => item.kind === 'message')
  if (step === undefined) return undefined
  for (let index = from + step; index >= 0 && index < items.length; index += step)
    if (items[index]!.kind === 'message') return index
  return undefined
}
