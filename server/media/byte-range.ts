/**
 * The part of a file that a request asks for: players of films ask for pieces, and downloads go on where they broke off.
 *
 * One part is answered; of several, or of what is no range, the whole file is. A file never changes under its address, so
 * a condition on its version needs no look.
 */
export type ByteRange = { start: number; end: number }

/** @returns the range, both ends inclusive; `none` where no byte of the file is in it; undefined: the whole file */
export function readByteRange(header: string | undefined, size: number): ByteRange | 'none' | undefined {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? []
  if (from === undefined || to === undefined || from + to === '') return undefined
  if (from === '') return to === '0' || size === 0 ? 'none' : { start: Math.max(0, size - Number(to)), end: size - 1 }
  const start = Number(from)
  if (to !== '' && Number(to) < start) return undefined
  if (start >= size) return 'none'
  return { start, end: Math.min(to === '' ? size - 1 : Number(to), size - 1) }
}
