/**
 * Files of encrypted rooms: AES-CTR with a key of their own, which travels in the encrypted message.
 *
 * The hash is of what lies on the server, and is checked before anything is shown.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#sending-encrypted-attachments
 */

import { fromBase64, toBase64 } from '../base64.js'

/** `EncryptedFile` of the specification. */
export type EncryptedFile = {
  v: 'v2'
  url: string
  key: JsonWebKey
  iv: string
  hashes: { sha256: string }
}

const algorithm = (iv: Uint8Array) => ({ name: 'AES-CTR', counter: iv as BufferSource, length: 64 })

/** @returns what to upload, and what the message says of it, but for where it will lie */
export async function encryptFile(file: Blob): Promise<{ blob: Blob; file: Omit<EncryptedFile, 'url'> }> {
  const key = await crypto.subtle.generateKey({ name: 'AES-CTR', length: 256 }, true, ['encrypt', 'decrypt'])
  // The lower half counts blocks and begins at 0.
  const iv = new Uint8Array(16)
  crypto.getRandomValues(iv.subarray(0, 8))
  const sealed = await crypto.subtle.encrypt(algorithm(iv), key, await file.arrayBuffer())
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', sealed))
  const exported = await crypto.subtle.exportKey('jwk', key)
  return {
    blob: new Blob([sealed], { type: 'application/octet-stream' }),
    file: { v: 'v2', key: exported, iv: toBase64(iv), hashes: { sha256: toBase64(hash) } },
  }
}

/** Kinds that a browser shows without running anything in them. */
const shown = /^(image\/(jpeg|png|gif|webp|avif|bmp|apng)|video\/(mp4|webm|ogg|quicktime)|audio\/[a-z0-9.+-]+)$/

/**
 * @param type what the sender says it is: of a kind that could run in the page's own origin nothing but bytes is left
 * @throws Error when it is not what the sender encrypted
 */
export async function decryptFile(sealed: Blob, file: EncryptedFile, type: string | undefined): Promise<Blob> {
  const bytes = await sealed.arrayBuffer()
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  if (toBase64(hash) !== file.hashes.sha256.replace(/=+$/, '')) throw new Error('the file is not the one that was sent')
  const jwk = { kty: 'oct', k: file.key.k, alg: 'A256CTR', ext: true } as JsonWebKey
  const key = await crypto.subtle.importKey('jwk', jwk, 'AES-CTR', false, ['decrypt'])
  const plain = await crypto.subtle.decrypt(algorithm(fromBase64(file.iv)), key, bytes)
  return new Blob([plain], { type: type && shown.test(type) ? type : 'application/octet-stream' })
}

/** What a message says of an encrypted file, taken with care: it is another's word. */
export function readEncryptedFile(value: unknown): EncryptedFile | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { url, key, iv, hashes, v } = value as Partial<EncryptedFile>
  if (typeof url !== 'string' || typeof iv !== 'string' || typeof key?.k !== 'string') return undefined
  if (typeof hashes?.sha256 !== 'string' || v !== 'v2') return undefined
  return { v, url, key, iv, hashes }
}
