/**
 * How hard a new password is to guess. What is short or weak is not taken here; the server itself refuses only what
 * everybody tries first, since other apps have rules of their own.
 */
import { t } from '../i18n/index.js'

export type Strength = 'short' | 'weak' | 'fair' | 'good'

const shortest = 8
/** The beginnings of what everyone tries first. */
const known = /^(?:pass(?:word|wort)|12345|qwert|letmein|welcome|willkommen|admin|hallo|iloveyou|abc123|hearth|matrix)/i

/** @param own words an attacker would try: the user's name, the server's */
export function strengthOf(password: string, own: readonly string[] = []): Strength {
  if ([...password].length < shortest) return 'short'
  const bits = guessBits(password, own)
  return bits < 36 ? 'weak' : bits < 60 ? 'fair' : 'good'
}

/** @returns why it is not taken, for its user; undefined where it is */
export function checkNewPassword(password: string, own: readonly string[]): string | undefined {
  const strength = strengthOf(password, own)
  if (strength === 'short') return t('register.tooShort')
  return strength === 'weak' ? t('password.refused') : undefined
}

/** Bits of a guess character by character; what repeats, runs on or is known counts little. */
function guessBits(password: string, own: readonly string[]): number {
  let rest = password
  let bits = 0
  for (const word of own) {
    if (word.length < 3) continue
    const before = rest.length
    rest = rest.replaceAll(new RegExp(literally(word), 'gi'), '')
    if (rest.length < before) bits += 4
  }
  rest = rest.replace(known, () => {
    bits += 6
    return ''
  })
  const alphabet =
    (/[a-z]/.test(rest) ? 26 : 0) +
    (/[A-Z]/.test(rest) ? 26 : 0) +
    (/[0-9]/.test(rest) ? 10 : 0) +
    (/[^a-zA-Z0-9\s]/.test(rest) ? 30 : 0) +
    (/\s/.test(rest) ? 4 : 0)
  const perCharacter = Math.log2(Math.max(2, alphabet))
  const characters = [...rest]
  characters.forEach((char, index) => {
    const step = index === 0 ? Number.NaN : char.codePointAt(0)! - characters[index - 1]!.codePointAt(0)!
    const isRun = step === 0 || Math.abs(step) === 1
    const isWord = index > 3 && /[a-z]/i.test(char)
    // Letters inside a word say less than the first ones do.
    bits += isRun ? 1 : isWord ? Math.min(perCharacter, 2.6) : perCharacter
  })
  return bits
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
