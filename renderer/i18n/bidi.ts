/**
 * Text of other people inside our sentences: it may run right to left or hold direction controls, and must not turn
 * round what stands beside it. What is plain left-to-right text is left as it is.
 *
 * Spec: https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates
 */
const turnsText =
  /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/
/** Embeddings and overrides, and isolates that are opened here and closed nowhere: nobody needs them in a name. */
const overrides = /[\u202a-\u202e]/g
const isolates = /[\u2066-\u2069]/g

/** @returns the text between isolates where it could turn others round */
export function isolate(text: string): string {
  if (!turnsText.test(text)) return text
  const calm = text.replace(overrides, '')
  return `\u2068${isBalanced(calm) ? calm : calm.replace(isolates, '')}\u2069`
}

/** Each isolate is closed, and none is closed that was not opened. */
function isBalanced(text: string): boolean {
  let depth = 0
  for (const [char] of text.matchAll(isolates)) {
    depth += char === '\u2069' ? -1 : 1
    if (depth < 0) return false
  }
  return depth === 0
}
