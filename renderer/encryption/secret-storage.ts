/**
 * Secret storage: the private keys of the account, sealed with the recovery key, in its account data.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#msecret_storagev1aes-hmac-sha2-1
 */
import { fromBase64, toBase64 } from '../platform/base64.js'

export const storageAlgorithm = 'm.secret_storage.v1.aes-hmac-sha2'

export type Sealed = { iv: string; ciphertext: string; mac: string }
/** `m.secret_storage.key.…` */
export type KeyDescription = { algorithm: string; iv: string; mac: string; name?: string }

const bytesOf = (text: string) => new TextEncoder().encode(text)

async function keysFor(key: Uint8Array, name: string) {
  const source = await crypto.subtle.importKey('raw', key as BufferSource, 'HKDF', false, ['deriveBits'])
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info: bytesOf(name) }
  const bits = new Uint8Array(await crypto.subtle.deriveBits(derivation, source, 512))
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  return {
    aes: await crypto.subtle.importKey('raw', bits.slice(0, 32), 'AES-CTR', false, ['encrypt', 'decrypt']),
    hmac: await crypto.subtle.importKey('raw', bits.slice(32), hmac, false, ['sign', 'verify']),
  }
}

const counter = (iv: Uint8Array) => ({ name: 'AES-CTR', counter: iv as BufferSource, length: 64 })

function newIv(): Uint8Array {
  const iv = crypto.getRandomValues(new Uint8Array(16))
  iv[8]! &= 0x7f // some have had a counter that could not be carried over
  return iv
}

export async function sealSecret(key: Uint8Array, name: string, secret: string, iv = newIv()): Promise<Sealed> {
  const { aes, hmac } = await keysFor(key, name)
  const ciphertext = await crypto.subtle.encrypt(counter(iv), aes, bytesOf(secret))
  const mac = await crypto.subtle.sign('HMAC', hmac, ciphertext)
  return { iv: toBase64(iv), ciphertext: toBase64(new Uint8Array(ciphertext)), mac: toBase64(new Uint8Array(mac)) }
}

/** @returns undefined where it was not sealed with this key, or has been changed since */
export async function openSecret(key: Uint8Array, name: string, sealed: Sealed): Promise<string | undefined> {
  const { aes, hmac } = await keysFor(key, name)
  const ciphertext = fromBase64(sealed.ciphertext)
  if (!(await crypto.subtle.verify('HMAC', hmac, fromBase64(sealed.mac), ciphertext))) return undefined
  return new TextDecoder().decode(await crypto.subtle.decrypt(counter(fromBase64(sealed.iv)), aes, ciphertext))
}

/** By which a key is known: the seal of thirty-two zeros. */
const zeros = '\0'.repeat(32)

export async function describeKey(key: Uint8Array): Promise<KeyDescription> {
  const { iv, mac } = await sealSecret(key, '', zeros)
  return { algorithm: storageAlgorithm, iv, mac }
}

export async function isKeyOf(key: Uint8Array, { algorithm, iv, mac }: KeyDescription): Promise<boolean> {
  if (algorithm !== storageAlgorithm) return false
  const made = await sealSecret(key, '', zeros, fromBase64(iv))
  return made.mac.replace(/=+$/, '') === mac.replace(/=+$/, '')
}
