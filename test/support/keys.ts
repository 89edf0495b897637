/** Keys as clients make them: real Ed25519 signatures, made-up curve25519 keys. */
import { randomBytes } from 'node:crypto'
import { encodeUnpaddedBase64 } from '../../server/events/base64.js'
import type { JsonObject } from '../../server/events/pdu.js'
import { type SigningKey, signingKeyFromSeed, signJson } from '../../server/events/signatures.js'

type Owner = { userId: string; deviceId: string }

const random = () => encodeUnpaddedBase64(randomBytes(32))
export const newSigningKey = (keyId: string): SigningKey => signingKeyFromSeed(randomBytes(32), keyId)

/** A device's identity, and what it signs with it. */
export class DeviceIdentity {
  readonly #key: SigningKey
  readonly deviceKeys: JsonObject
  #serial = 0

  constructor(readonly owner: Owner) {
    const { userId, deviceId } = owner
    this.#key = newSigningKey(`ed25519:${deviceId}`)
    this.deviceKeys = this.sign({
      user_id: userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
      keys: { [`curve25519:${deviceId}`]: random(), [`ed25519:${deviceId}`]: this.#key.publicKeyBase64 },
    })
  }

  sign = <T extends JsonObject>(object: T) => signJson(object, this.owner.userId, this.#key)

  /** Keys of ascending IDs. */
  oneTimeKeys(count: number): Record<string, JsonObject> {
    const keys = Array.from({ length: count }, () => {
      this.#serial += 1
      return [`signed_curve25519:${String(this.#serial).padStart(4, '0')}`, this.sign({ key: random() })]
    })
    return Object.fromEntries(keys)
  }

  fallbackKey(id: string): Record<string, JsonObject> {
    return { [`signed_curve25519:${id}`]: this.sign({ key: random(), fallback: true }) }
  }
}

type Usage = 'master' | 'self_signing' | 'user_signing'

/** A user's cross-signing keys. */
export class CrossSigningIdentity {
  readonly #keys: Record<Usage, SigningKey>

  constructor(readonly userId: string) {
    this.#keys = { master: newCrossKey(), self_signing: newCrossKey(), user_signing: newCrossKey() }
  }

  publicKey = (usage: Usage) => this.#keys[usage].publicKeyBase64
  sign = <T extends JsonObject>(usage: Usage, object: T) => signJson(object, this.userId, this.#keys[usage])

  /** As `/keys/device_signing/upload` takes them. */
  upload(): Record<`${Usage}_key`, JsonObject> {
    const bare = (usage: Usage) => ({
      user_id: this.userId,
      usage: [usage],
      keys: { [`ed25519:${this.publicKey(usage)}`]: this.publicKey(usage) },
    })
    return {
      master_key: bare('master'),
      self_signing_key: this.sign('master', bare('self_signing')),
      user_signing_key: this.sign('master', bare('user_signing')),
    }
  }
}

/** A key whose ID is its public key. */
function newCrossKey(): SigningKey {
  const seed = randomBytes(32)
  const { publicKeyBase64 } = signingKeyFromSeed(seed, '')
  return signingKeyFromSeed(seed, `ed25519:${publicKeyBase64}`)
}
