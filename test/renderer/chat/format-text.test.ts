/** Setting words in the composer. */
import { expect, test } from 'vitest'
import { formatted, inserted } from '../../../renderer/features/chat/composer/format-text.js'

test.each([
  ['bold', 'a [word] here', 'a **[word]** here'],
  ['italic', '[]', '*[]*'],
  ['code', 'x [y]', 'x `[y]`'],
  ['quote', 'one\nt[wo\nthr]ee', 'one\n> t[wo\n> thr]ee'],
  ['list', '[milk\nbread]', '- [milk\n- bread]'],
] as const)('%s: %j becomes %j, and the same words stay chosen', (format, before, after) => {
  const parse = (marked: string) => ({
    text: marked.replace(/[[\]]/g, ''),
    start: marked.indexOf('['),
    end: marked.indexOf(']') - 1,
  })
  expect(formatted(parse(before), format)).toEqual(parse(after))
})

test('what is put in takes the place of what was chosen, and writing goes on behind it', () => {
  expect(inserted({ text: 'ab', start: 1, end: 2 }, '🎉')).toEqual({ text: 'a🎉', start: 3, end: 3 })
})
