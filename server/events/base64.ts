/**
 * Unpadded base64, the spelling of hashes, signatures and keys.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#unpadded-base64
 */

export function encodeUnpaddedBase64(bytes: Uint8Array): string {
  return withoutPadding(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'))
}

export function withoutPadding(base64: string): string {
  let end = base64.length
  while (end > 0 && base64.charCodeAt(end - 1) === 0x3d) end--
  return end === base64.length ? base64 : base64.slice(0, end)
}

/**
 * Reads padded and unpadded, standard and URL-safe base64.
 *
 * @returns undefined for anything else; Buffer itself would skip what it does not know
 */
export function decodeBase64(text: string): Buffer | undefined {
  return /^[A-Za-z0-9+/_-]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}
