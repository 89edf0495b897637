/**
 * Looking closer at a picture: the wheel and two fingers zoom about where they are, a drag moves, a double click goes
 * near and back; with the keyboard `+`, `-`, `0` and the arrows.
 */
import { type KeyboardEvent, type PointerEvent, useRef, useState, type WheelEvent } from 'react'

export type View = { scale: number; x: number; y: number }

const fitted: View = { scale: 1, x: 0, y: 0 }
const most = 12
const near = 2.5
const step = 1.4
const arrowPx = 80

/** @param at the point that stays where it is, from the middle of the picture's place */
export function zoomAt(view: View, factor: number, at: { x: number; y: number }): View {
  const scale = Math.min(most, Math.max(1, view.scale * factor))
  if (scale === 1) return fitted
  const by = scale / view.scale
  return { scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by }
}

export function useZoom() {
  const [view, setView] = useState(fitted)
  const pointers = useRef(new Map<number, { x: number; y: number }>())
  const middle = { x: 0, y: 0 }

  const from = (event: { currentTarget: Element; clientX: number; clientY: number }) => {
    const box = event.currentTarget.getBoundingClientRect()
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 }
  }
  const move = (x: number, y: number) =>
    setView((before) => (before.scale === 1 ? before : { ...before, x: before.x + x, y: before.y + y }))

  return {
    view,
    isZoomed: view.scale > 1,
    zoomIn: () => setView((before) => zoomAt(before, step, middle)),
    zoomOut: () => setView((before) => zoomAt(before, 1 / step, middle)),
    handlers: {
      onWheel: (event: WheelEvent) => {
        const at = from(event)
        setView((before) => zoomAt(before, Math.exp(-event.deltaY / 400), at))
      },
      onDoubleClick: (event: React.MouseEvent) => {
        const at = from(event)
        setView((before) => (before.scale > 1 ? fitted : zoomAt(before, near, at)))
      },
      onPointerDown: (event: PointerEvent) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        pointers.current.set(event.pointerId, from(event))
      },
      onPointerMove: (event: PointerEvent) => {
        const before = pointers.current.get(event.pointerId)
        if (!before) return
        const now = from(event)
        const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1]
        pointers.current.set(event.pointerId, now)
        if (!other) return move(now.x - before.x, now.y - before.y)
        const apart = (point: { x: number; y: number }) => Math.hypot(point.x - other.x, point.y - other.y) || 1
        setView((last) => zoomAt(last, apart(now) / apart(before), other))
      },
      onPointerUp: (event: PointerEvent) => void pointers.current.delete(event.pointerId),
      onPointerCancel: (event: PointerEvent) => void pointers.current.delete(event.pointerId),
    },
    /** @returns whether the key was one of these */
    onKey(event: KeyboardEvent): boolean {
      const arrows: Record<string, [number, number]> = {
        ArrowLeft: [arrowPx, 0],
        ArrowRight: [-arrowPx, 0],
        ArrowUp: [0, arrowPx],
        ArrowDown: [0, -arrowPx],
      }
      const arrow = arrows[event.key]
      if (event.key === '+' || event.key === '=') setView((before) => zoomAt(before, step, middle))
      else if (event.key === '-') setView((before) => zoomAt(before, 1 / step, middle))
      else if (event.key === '0') setView(fitted)
      else if (arrow) move(...arrow)
      else return false
      return true
    },
  }
}
