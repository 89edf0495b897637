/**
 * Secrets sealed with a passphrase (HEARTH_PASSPHRASE), for machines without a system key store.
 *
 * Sealed form: 'HPB1', 16 bytes of scrypt salt, 12 of nonce, 16 of tag, AES-256-GCM ciphertext.
 * scrypt at N=2^15, r=8 takes 32 MB and some 100 ms: once per file, at start.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto'
import { fileSecretBox, type SecretBox } from '../server/kernel/secrets.js'

const magic = Buffer.from('HPB1')
const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 }

const deriveKey = (passphrase: string, salt: Uint8Array) =>
  new Promise<Buffer>((resolve, reject) => {
    scrypt(passphrase, salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })

export const passphraseBox = (passphrase: string): SecretBox => ({
  kind: 'passphrase',
  async seal(plain) {
    const salt = randomBytes(16)
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', await deriveKey(passphrase, salt), nonce)
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([magic, salt, nonce, cipher.getAuthTag(), sealed])
  },
  async open(sealed) {
    const bytes = Buffer.from(sealed)
    if (bytes.length < 48 || !bytes.subarray(0, 4).equals(magic))
      throw new Error('this secret was not sealed with a passphrase')
    const key = await deriveKey(passphrase, bytes.subarray(4, 20))
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(20, 32)).setAuthTag(bytes.subarray(32, 48))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(48)), decipher.final()])
    } catch {
      throw new Error('the passphrase is wrong or the secret was changed')
    }
  },
})

/** A passphrase where one is given, else files that only this account can read. */
export const chooseSecretBox = (env: NodeJS.ProcessEnv): SecretBox =>
  env.HEARTH_PASSPHRASE ? passphraseBox(env.HEARTH_PASSPHRASE) : fileSecretBox
