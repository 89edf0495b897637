/**
 * Glob matching as server ACLs and push rules want it: `*` is any number of characters, `?` is one,
 * nothing else is special, and the whole text must match.
 *
 * No regular expression is made from a pattern: patterns come from other people, and this way the
 * worst case is the product of the lengths.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#glob-style-matching
 */

export function globMatches(pattern: string, text: string): boolean {
  // Characters, not UTF-16 units: `?` stands for a whole emoji.
  const wanted = characters(pattern)
  const given = characters(text)
  let p = 0
  let t = 0
  let star = -1 // the last star passed, and the place in the text where it ends for now
  let starEnd = 0
  while (t < given.length) {
    if (wanted[p] === '*') {
      star = p++
      starEnd = t
    } else if (p < wanted.length && (wanted[p] === '?' || wanted[p] === given[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++starEnd
    } else return false
  }
  while (wanted[p] === '*') p++
  return p === wanted.length
}

const characters = (text: string): string | string[] => (/[\ud800-\udfff]/.test(text) ? Array.from(text) : text)
