/**
 * Every text of the interface, by key, in the user's language.
 *
 * English is complete and the source of the keys; another language is a catalogue with the same
 * keys, loaded when it is chosen. A text may hold `{name}` places; a text with plural forms is an
 * object of them, chosen by `{count}` and the language's own rules. Dates and numbers: `format.ts`.
 */
import { isolate } from './bidi.js'
import { en } from './en/index.js'
import type { trust } from './en/trust.js'

export type TextKey = keyof typeof en | keyof typeof trust
export type PluralForms = { one?: string; few?: string; many?: string; other: string }
export type Catalogue = Record<TextKey, string | PluralForms>
export type Params = Record<string, string | number>
export type Language = 'en' | 'de'

export const languages: Record<Language, string> = { en: 'English', de: 'Deutsch' }

let language: Language = 'en'
/** Not whole at first: some texts come with what shows them. */
let english = en as Catalogue
let catalogue = english
let plural = new Intl.PluralRules('en')

export const currentLanguage = (): Language => language

/** BCP 47 tag for `Intl`: the browser's own variant of the language where it has one (en-GB, de-AT). */
export function currentLocale(): string {
  const preferred = typeof navigator === 'undefined' ? [] : navigator.languages
  return preferred.find((tag) => tag.split('-')[0] === language) ?? language
}

/** For texts that come later than the window. Other languages are loaded whole. */
export function addEnglish(texts: Partial<Catalogue>): void {
  const isShown = catalogue === english
  english = { ...english, ...texts } as Catalogue
  if (isShown) catalogue = english
}

/** The text of a key. Numbers among the params are written as the language writes them. */
export function t(key: TextKey, params: Params = {}): string {
  const entry: string | PluralForms = catalogue[key]
  const text = typeof entry === 'string' ? entry : (entry[pluralForm(params.count)] ?? entry.other)
  return text.replace(/\{(\w+)\}/g, (place, name: string) => {
    const value = params[name]
    if (value === undefined) return place
    return typeof value === 'number' ? new Intl.NumberFormat(currentLocale()).format(value) : isolate(value)
  })
}

function pluralForm(count: string | number | undefined): keyof PluralForms {
  const form = plural.select(Number(count ?? 0))
  return form === 'zero' || form === 'two' ? 'other' : form
}

/** Loads and takes a language; what is on the screen must then be drawn again. */
export async function takeLanguage(wanted: Language): Promise<void> {
  catalogue = wanted === 'de' ? (await import('./de/index.js')).de : english
  language = wanted
  plural = new Intl.PluralRules(wanted)
  if (typeof document !== 'undefined') document.documentElement.lang = wanted
}

/** The chosen language, else the first of the browser's that we have, else English. */
export function preferredLanguage(chosen: string | null): Language {
  const wishes = [chosen, ...(typeof navigator === 'undefined' ? [] : navigator.languages)]
  for (const wish of wishes) {
    const base = wish?.split('-')[0]
    if (base === 'en' || base === 'de') return base
  }
  return 'en'
}
