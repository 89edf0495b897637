/** The place a picture gets in the timeline: pure, from the sizes its sender gives, whatever they are. */

export type PictureBox = {
  width: number
  height: number
  /**
   * whole: all of it, in its own proportions. small: smaller than what can be pressed, in its own size. cut: so long
   * that only its middle is shown; the viewer shows all.
   */
  fit: 'whole' | 'small' | 'cut'
}

const largest = { width: 400, height: 320 }
/** What can be seen and pressed. */
const smallest = 44

const isSize = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0

export function fitBox(w: unknown, h: unknown): PictureBox {
  if (!isSize(w) || !isSize(h)) return { width: 320, height: 240, fit: 'whole' }
  const scale = Math.min(1, largest.width / w, largest.height / h)
  const [width, height] = [Math.round(w * scale), Math.round(h * scale)]
  const box = { width: Math.max(smallest, width), height: Math.max(smallest, height) }
  if (width >= smallest && height >= smallest) return { ...box, fit: 'whole' }
  return { ...box, fit: Math.min(w, h) < smallest ? 'small' : 'cut' }
}

/** A photograph covers its place; what may be transparent gets a ground on which black and white can be seen. */
export const mayBeSeenThrough = (mimetype: unknown) => mimetype !== 'image/jpeg'
