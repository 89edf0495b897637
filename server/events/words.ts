/**
 * The words of a text, as the search index knows them: what is written with capitals, accents or another width is the same word.
 *
 * Writing that has no spaces (Chinese, Japanese) goes by single characters and pairs of them. A text gives a bounded number of words
 * of bounded length, since anybody writes it.
 */

/** Of one text: characters that are looked at, different words, and characters of a word. */
export const wordLimits = { characters: 20_000, words: 250, length: 40 } as const

const wordPattern = /[\p{L}\p{N}_]+/gu
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu
const marks = /\p{M}+/gu

const fold = (text: string): string =>
  text.slice(0, wordLimits.characters).normalize('NFKD').replaceAll(marks, '').toLowerCase()

/** Different words in the order of their first appearance. */
export function wordsOf(text: string): string[] {
  const words = new Set<string>()
  for (const found of pieces(fold(text))) {
    words.add(found)
    if (words.size >= wordLimits.words) break
  }
  return [...words]
}

/** The words that a text must have to be found by this one. */
export function searchedWords(text: string): string[] {
  const words = new Set<string>()
  for (const [word] of fold(text).matchAll(wordPattern)) for (const part of searchedParts(word)) words.add(part)
  return [...words]
}

function* pieces(folded: string): Generator<string> {
  for (const [word] of folded.matchAll(wordPattern)) {
    const [spaced, runs] = split(word)
    for (const part of spaced) yield cut(part)
    for (const run of runs) {
      const characters = [...run]
      for (const [at, character] of characters.entries()) {
        yield character
        if (at > 0) yield characters[at - 1]! + character
      }
    }
  }
}

/** Of a run without spaces its pairs, or the one character that it is. */
function searchedParts(word: string): string[] {
  const [spaced, runs] = split(word)
  const parts = runs.flatMap((run) => {
    const characters = [...run]
    return characters.length === 1 ? characters : characters.slice(1).map((each, at) => characters[at]! + each)
  })
  return [...spaced.map(cut), ...parts]
}

const split = (word: string): [spaced: string[], runs: string[]] => [
  word.split(unspaced).filter((part) => part !== ''),
  word.match(unspaced) ?? [],
]

const cut = (word: string) => word.slice(0, wordLimits.length)
