/**
 * Mail addresses in the one form in which they are compared: two spellings of one address must not be two accounts.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#3pid-types
 */
import { invalidParam } from '../kernel/errors.js'

/** As SMTP has it. */
const maxLength = 254
const pattern = /^[^\s@<>(),;:"\\[\]]{1,64}@[^\s@<>(),;:"\\[\]]+\.[^\s@<>(),;:"\\[\].]+$/u

export function isEmailAddress(text: string): boolean {
  const address = canonical(text)
  // What a mail's header would read as two lines or two addresses never gets there.
  return address.length <= maxLength && pattern.test(address) && !/\p{Cc}/u.test(address)
}

/** @throws MatrixError 400 `M_INVALID_PARAM` for what is no address */
export function toEmailAddress(text: string): string {
  if (!isEmailAddress(text)) throw invalidParam('That is not a mail address.')
  return canonical(text)
}

const canonical = (text: string) => text.trim().normalize('NFC').toLowerCase()
