/** Text of others inside our sentences. */
import { describe, expect, test } from 'vitest'
import { isolate } from '../../renderer/i18n/bidi.js'
import { formatList } from '../../renderer/i18n/format.js'
import { t } from '../../renderer/i18n/index.js'

describe('a name inside a sentence', () => {
  test('that is plain stays as it is', () => {
    for (const plain of ['Ana', 'Zoë Müller 🌻', '日本', '@ana:example.org']) expect(isolate(plain)).toBe(plain)
  })

  test.each([
    ['of an override', 'evil\u202egnp.exe', '\u2068evilgnp.exe\u2069'],
    ['of right-to-left text', 'נועה', '\u2068נועה\u2069'],
    ['of an isolate that is never closed', 'a\u2067b', '\u2068ab\u2069'],
    ['of one that closes ours', 'a\u2069\u202eb', '\u2068ab\u2069'],
  ])('cannot turn round what stands beside it: %s', (_, name, isolated) => {
    expect(isolate(name)).toBe(isolated)
    expect(isolate(isolated)).toBe(`\u2068${isolated}\u2069`)
  })

  test('is isolated by every text that takes it, and each by itself in a list', () => {
    expect(t('typing.one', { name: '\u202eecila' })).toBe('\u2068ecila\u2069 is typing')
    expect(formatList(['Ana', '\u202eecila', 'Bo'])).toBe('Ana, \u2068ecila\u2069, and Bo')
    expect(t('message.seenBy', { names: formatList(['\u202eecila', 'Bo']) })).toBe(
      'Seen by \u2068\u2068ecila\u2069 and Bo\u2069',
    )
  })
})
