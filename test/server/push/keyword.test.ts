/** Keywords within a text, against every substring that may be one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { globMatches } from '../../../server/events/glob.js'
import { containsKeyword } from '../../../server/push/keyword.js'

const isWord = (character: string | undefined) => character !== undefined && /[A-Za-z0-9_]/.test(character)

/** The spec's sentence: a substring that matches and begins and ends at a word boundary. */
function containsBySubstrings(pattern: string, text: string): boolean {
  const characters = Array.from(text)
  const isBoundary = (at: number) =>
    at === 0 || at === characters.length || !isWord(characters[at - 1]) || !isWord(characters[at])
  for (let from = 0; from <= characters.length; from++)
    for (let to = from; to <= characters.length; to++)
      if (isBoundary(from) && isBoundary(to) && globMatches(pattern, characters.slice(from, to).join(''))) return true
  return false
}

describe('containsKeyword', () => {
  test.each([
    ['cake', 'a piece of cake', true],
    ['cake', 'cakes', false],
    ['cake', 'cake?', true],
    ['cake', 'pan_cake', false],
    ['ex*ple', 'An exciting triple-whammy', true],
    ['*', '', true],
    ['?', '', false],
    ['a?b', 'xx a😀b', true],
    ['#tag', 'with#tag', true],
    ['c++', 'i write c++ code', true],
    ['über', 'tschüber', true], // only ASCII letters join words
    ['a*b', 'b a', false],
  ])('%j in %j is %j', (pattern, text, is) => {
    expect(containsKeyword(pattern, text)).toBe(is)
  })

  test('agrees with trying every substring', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '_', '-', '😀'), maxLength: 9 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '-', '😀', '*', '?'), maxLength: 6 })
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        expect(containsKeyword(glob, value)).toBe(containsBySubstrings(glob, value))
      }),
      { numRuns: 3_000 },
    )
  })
})
