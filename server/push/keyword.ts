/**
 * Looks for a glob pattern within a text, as `event_match` wants it of `content.body`: what matches begins and
 * ends at a word boundary.
 *
 * The pieces between the stars are looked for from left to right, the first of them as early as may be: what
 * follows then has the most room, so nothing has to be tried twice.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#conditions-1
 */

/** Both in the same case. `?` is one character, an emoji too. */
export function containsKeyword(pattern: string, text: string): boolean {
  const pieces = pattern.split(/\*+/)
  if (pieces.length === 1) return findPiece(pattern, text, 0, isBoundary, isBoundary) !== undefined
  let at = 0
  for (const [index, piece] of pieces.entries()) {
    // A star at either end reaches to the end of the text, which is a boundary.
    if (piece === '') continue
    const isFirst = index === 0
    const isLast = index === pieces.length - 1
    const end = findPiece(piece, text, at, isFirst ? isBoundary : anywhere, isLast ? isBoundary : anywhere)
    if (end === undefined) return false
    at = end
  }
  return true
}

type MayBe = (text: string, at: number) => boolean
const anywhere: MayBe = () => true

/** Beside anything that is no letter, digit or underscore of ASCII, and at both ends. */
const isBoundary: MayBe = (text, at) =>
  at === 0 || at === text.length || !isWord(text.charCodeAt(at - 1)) || !isWord(text.charCodeAt(at))

const isWord = (code: number) =>
  (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 95 || (code >= 65 && code <= 90)

/** @returns the end of the first place from `from` where the piece stands and both ends are as wanted */
function findPiece(piece: string, text: string, from: number, mayBegin: MayBe, mayEnd: MayBe): number | undefined {
  const literal = piece.split('?', 1)[0]!
  for (let start = from; start <= text.length; start++) {
    start = text.indexOf(literal, start)
    if (start < 0) return undefined
    if (isWithinCharacter(text, start) || !mayBegin(text, start)) continue
    const end = endOfPiece(piece, text, start)
    if (end !== undefined && mayEnd(text, end)) return end
  }
  return undefined
}

/** Between the two halves of a surrogate pair. */
const isWithinCharacter = (text: string, at: number) => at > 0 && text.codePointAt(at - 1)! > 0xffff

function endOfPiece(piece: string, text: string, start: number): number | undefined {
  let at = start
  for (let p = 0; p < piece.length; p++) {
    if (at >= text.length) return undefined
    if (piece[p] === '?') at += text.codePointAt(at)! > 0xffff ? 2 : 1
    else if (piece[p] === text[at]) at++
    else return undefined
  }
  return at
}
