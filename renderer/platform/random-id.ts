/**
 * A name that nobody else has: 128 random bits.
 *
 * `crypto.randomUUID` is missing on pages that came over plain HTTP from another machine; this is there everywhere.
 */
export const randomId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
