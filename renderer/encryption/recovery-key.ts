/**
 * A recovery key as a person writes it down: 32 bytes with a mark before and a check behind, in base 58, by fours.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#cryptographic-key-representation
 */
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const mark = [0x8b, 0x01]
const keyBytes = 32

const checkOf = (bytes: Uint8Array) => bytes.reduce((sum, byte) => sum ^ byte, 0)

export function writeRecoveryKey(key: Uint8Array): string {
  const bytes = new Uint8Array([...mark, ...key, 0])
  bytes[bytes.length - 1] = checkOf(bytes)
  let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  let text = ''
  for (; number > 0n; number /= 58n) text = alphabet[Number(number % 58n)] + text
  return text.match(/.{1,4}/g)!.join(' ')
}

/** @returns undefined for what is no recovery key: mistyped, or cut short */
export function readRecoveryKey(text: string): Uint8Array | undefined {
  let number = 0n
  for (const char of text.replace(/\s/g, '')) {
    const digit = alphabet.indexOf(char)
    if (digit < 0) return undefined
    number = number * 58n + BigInt(digit)
  }
  const bytes = new Uint8Array(mark.length + keyBytes + 1)
  for (let at = bytes.length - 1; at >= 0; at--, number >>= 8n) bytes[at] = Number(number & 255n)
  if (number > 0n || checkOf(bytes) !== 0 || mark.some((byte, index) => bytes[index] !== byte)) return undefined
  return bytes.slice(mark.length, -1)
}
