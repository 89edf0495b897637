/**
 * What may be a password here, and passwords to hand out.
 *
 * Only what everybody tries first is refused: how long and how odd a password is, is for its user to decide. The window
 * asks for more (`renderer/ui/password-strength.ts`).
 */
import { randomInt } from 'node:crypto'
import { MatrixError } from '../kernel/errors.js'
import { maxPasswordLength } from './password-hashing.js'

/** The ones of eight characters and more at the head of every published list of leaked passwords. */
const known = new Set(
  `password passwort password1 password12 password123 passw0rd p@ssw0rd p@ssword 12345678 123456789 1234567890
  12345678910 123123123 11111111 00000000 88888888 87654321 987654321 0987654321 1q2w3e4r 1qaz2wsx 1q2w3e4r5t
  qwertyui qwertyuiop qwerty123 qwertz123 qwertzui qwertzuiop asdfghjk asdfghjkl abcd1234 abc12345 abcdefgh
  aa123456 a1234567 iloveyou iloveyou1 letmein1 welcome1 welcome123 willkommen hallo123 hallohallo sunshine princess
  football baseball superman starwars trustno1 whatever computer internet michelle jennifer changeme secret123
  administrator admin123 administrador homeserver`.split(/\s+/),
)

/** @throws MatrixError 400 `M_WEAK_PASSWORD` */
export function checkPasswordShape(password: string): void {
  if (password === '') throw weak('The password is empty.')
  if (password.length > maxPasswordLength) throw weak(`The password has more than ${maxPasswordLength} characters.`)
  if (known.has(password.toLowerCase())) throw weak('That password is one of the first that anybody would try.')
}

const weak = (message: string) => new MatrixError(400, 'M_WEAK_PASSWORD', message)

const consonants = 'bdfgklmnprstvz'
const vowels = 'aeiou'
const one = (letters: string) => letters[randomInt(letters.length)]!

/** Can be read out over a telephone: four made-up words of three syllables, 73 bits. */
export const makeTemporaryPassword = (): string =>
  Array.from({ length: 4 }, () => Array.from({ length: 3 }, () => one(consonants) + one(vowels)).join('')).join('-')
