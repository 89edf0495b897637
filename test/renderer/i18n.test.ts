/** The catalogues: the same keys and the same places in every language. */
import { afterEach, describe, expect, test } from 'vitest'
import { de } from '../../renderer/i18n/de/index.js'
import { en } from '../../renderer/i18n/en/index.js'
import { trust } from '../../renderer/i18n/en/trust.js'
import { formatBriefly, formatBytes, formatDay, formatSpan } from '../../renderer/i18n/format.js'
import '../../renderer/i18n/late.js'
import { type Catalogue, preferredLanguage, type TextKey, t, takeLanguage } from '../../renderer/i18n/index.js'

afterEach(() => takeLanguage('en'))

const formsOf = (catalogue: Catalogue, key: TextKey) => {
  const entry = catalogue[key]
  return typeof entry === 'string' ? [entry] : Object.values(entry)
}
const placesOf = (texts: string[]) => [...new Set(texts.flatMap((text) => text.match(/\{\w+\}/g) ?? []))].sort()

describe('German', () => {
  test('has the places of the English text under every key', () => {
    const english = { ...en, ...trust } as Catalogue
    const differing = (Object.keys(english) as TextKey[]).filter(
      (key) => String(placesOf(formsOf(de, key))) !== String(placesOf(formsOf(english, key))),
    )

    expect(differing).toEqual([])
  })

  test('is what is shown once it is taken', async () => {
    expect(t('shell.home')).toBe('Home')

    await takeLanguage('de')

    expect(t('shell.home')).toBe('Zentrale')
    expect(t('rooms.unread', { count: 1 })).toBe('1 ungelesene Nachricht')
    expect(t('rooms.unread', { count: 1200 })).toBe('1200 ungelesene Nachrichten'.replace('1200', '1.200'))
  })
})

test('plural forms follow the number', () => {
  expect(t('room.members', { count: 1 })).toBe('1 member')
  expect(t('room.members', { count: 12_431 })).toBe('12,431 members')
})

test('a value is put in as it is, whatever signs it holds', () => {
  expect(t('rooms.you', { text: '$& {name} $1' })).toBe('You: $& {name} $1')
})

test('the language is the chosen one, else one of ours', () => {
  expect(preferredLanguage('de')).toBe('de')
  expect(preferredLanguage('xx')).toBe('en')
})

describe('dates and sizes', () => {
  const now = new Date(2026, 10, 22, 12).getTime()
  const day = 86_400_000

  test('days are named while they are near', () => {
    expect(formatDay(now - 60_000, now)).toBe('Today')
    expect(formatDay(now - day, now)).toBe('Yesterday')
    expect(formatDay(now - 3 * day, now)).toBe('Thursday')
    expect(formatDay(now - 40 * day, now)).toBe('October 13')
    expect(formatDay(now - 400 * day, now)).toBe('October 18, 2025')
  })

  test('in a list they are short', () => {
    expect(formatBriefly(now, now)).toMatch(/12:00/)
    expect(formatBriefly(now - 3 * day, now)).toBe('Thu')
  })

  test('bytes and spans in the units people use', () => {
    expect(formatBytes(0)).toBe('0 byte')
    expect(formatBytes(248_123)).toBe('248 kB')
    expect(formatBytes(1_540_000)).toBe('1.5 MB')
    expect(formatSpan(3 * day + 4 * 3_600_000)).toBe('3 days 4 hr')
    expect(formatSpan(65_000)).toBe('1 min 5 sec')
  })
})
