/** The place of a picture in the timeline, and looking closer at it. */
import { describe, expect, test } from 'vitest'
import { fitBox } from '../../../renderer/features/chat/timeline/picture-box.js'
import { zoomAt } from '../../../renderer/features/chat/timeline/use-zoom.js'

describe('the place of a picture', () => {
  test.each([
    [800, 600, 400, 300, 'whole'],
    [100, 80, 100, 80, 'whole'],
    [600, 800, 240, 320, 'whole'],
    [8, 8, 44, 44, 'small'],
    [300, 20, 300, 44, 'small'],
    [4_000, 60, 400, 44, 'cut'],
    [60, 4_000, 44, 320, 'cut'],
  ])('%i × %i has %i × %i, %s', (w, h, width, height, fit) => {
    expect(fitBox(w, h)).toEqual({ width, height, fit })
  })

  test.each([
    [undefined, 5],
    ['800', 600],
    [0, 10],
    [-5, 5],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 10],
  ])('%s × %s, which no picture has, has the usual place', (w, h) => {
    expect(fitBox(w, h)).toEqual({ width: 320, height: 240, fit: 'whole' })
  })
})

describe('looking closer', () => {
  const fitted = { scale: 1, x: 0, y: 0 }

  test('keeps the point under the pointer where it is', () => {
    const at = { x: 100, y: -40 }
    const near = zoomAt(zoomAt(fitted, 2, at), 1.5, at)
    expect(near.scale).toBe(3)
    // What was at that point before, in the picture's own terms, is at it still.
    expect([(at.x - near.x) / near.scale, (at.y - near.y) / near.scale]).toEqual([100, -40])
  })

  test('goes neither beyond twelve times nor below the whole, where it is in its place again', () => {
    expect(zoomAt(fitted, 100, { x: 0, y: 0 }).scale).toBe(12)
    expect(zoomAt({ scale: 2, x: 70, y: 30 }, 0.1, { x: 9, y: 9 })).toEqual(fitted)
  })
})
