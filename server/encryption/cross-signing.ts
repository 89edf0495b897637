/**
 * A user publishes the keys by which their devices and other people are vouched for.
 *
 * The first keys, and the same keys again, need no further proof of who asks; new ones in their place do. The other two
 * keys must be signed by the master key that comes along or is kept. A new master key ends what the former one signed.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload
 */
import { decodeBase64 } from '../events/base64.js'
import { verifyJson } from '../events/signatures.js'
import { badJson, forbidden, MatrixError, missingParam } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import type { KeyedLock } from '../rooms/keyed-lock.js'
import {
  type CrossSigningUsage,
  deleteCrossSigningKey,
  deleteKeySignature,
  setCrossSigningKey,
} from '../store/device-key-store.js'
import { readDevices } from '../store/device-store.js'
import type { Database } from '../store/reader.js'
import type { Write } from '../store/writes.js'
import { deviceListChanged } from './device-list-changed.js'
import { type CrossSigningKey, type KeyBundle, publicKeyOf, type ReadKeyBundles } from './key-bundles.js'
import { textOfKey } from './key-shapes.js'

export type CrossSigningKeys = ReadonlyMap<CrossSigningUsage, CrossSigningKey>

export type CrossSigning = {
  /** Whether the user has to prove once more who they are before these keys are taken. */
  needsProof(userId: UserId, keys: CrossSigningKeys): Promise<boolean>
  /** @throws MatrixError 400 `M_INVALID_SIGNATURE`, `M_MISSING_PARAM`, `M_BAD_JSON`, 403 `M_FORBIDDEN` */
  uploadCrossSigningKeys(userId: UserId, keys: CrossSigningKeys): Promise<void>
}

const maxKeyLength = 65_536

type Needs = {
  db: Database
  readKeyBundles: ReadKeyBundles
  inTurn: KeyedLock
}

export const invalidSignature = (message: string) => new MatrixError(400, 'M_INVALID_SIGNATURE', message)

export function makeCrossSigning({ db, readKeyBundles, inTurn }: Needs): CrossSigning {
  const bundleOf = async (userId: UserId) => (await readKeyBundles([userId])).get(userId)!

  async function upload(userId: UserId, keys: CrossSigningKeys): Promise<void> {
    const bundle = await bundleOf(userId)
    const fresh = [...keys].filter(([usage, key]) => !isKept(bundle, usage, key))
    if (fresh.length === 0) return
    const master = keys.get('master') ?? bundle.crossSigning.get('master')
    if (!master) throw missingParam('There is no master key, neither here nor in the request.')
    for (const [usage, key] of fresh) checkKey(userId, usage, key, master)
    const devices = await readDevices(db, userId)
    if (fresh.some(([, key]) => devices.some(({ device_id }) => device_id === publicKeyOf(key))))
      throw forbidden('A key has the name of one of your devices.')
    const writes = [
      ...fresh.map(([usage, key]) => setCrossSigningKey(userId, usage, textOfKey(key))),
      ...endedBy(bundle, new Map(fresh), userId),
    ]
    await db.commit((grant) => {
      const told = deviceListChanged(grant, userId, [])
      return { writes: [...writes, ...told.writes], changes: told.changes, result: undefined }
    })
  }

  return {
    async needsProof(userId, keys) {
      const bundle = await bundleOf(userId)
      if (!bundle.crossSigning.has('master')) return false
      return [...keys].some(([usage, key]) => !isKept(bundle, usage, key))
    },
    uploadCrossSigningKeys: (userId, keys) => inTurn(userId, () => upload(userId, keys)),
  }
}

/** The same public key for the same use: it may be signed otherwise now. */
function isKept({ crossSigning }: KeyBundle, usage: CrossSigningUsage, key: CrossSigningKey): boolean {
  const known = crossSigning.get(usage)
  return known !== undefined && textOfKey(known.keys) === textOfKey(key.keys)
}

/** @throws MatrixError */
function checkKey(userId: UserId, usage: CrossSigningUsage, key: CrossSigningKey, master: CrossSigningKey): void {
  if (key.user_id !== userId) throw badJson('A cross-signing key is of another user.')
  if (!key.usage.includes(usage)) throw badJson(`The usage of a key does not name ${usage}.`)
  const [[name, publicKey] = ['', '']] = Object.entries(key.keys)
  if (name !== `ed25519:${publicKey}` || decodeBase64(publicKey)?.length !== 32)
    throw badJson('A cross-signing key is one Ed25519 key under its own name.')
  if (textOfKey(key).length > maxKeyLength)
    throw new MatrixError(400, 'M_TOO_LARGE', 'A cross-signing key is too long.')
  if (usage === 'master') return
  const masterKey = publicKeyOf(master)
  if (!verifyJson(key, userId, `ed25519:${masterKey}`, masterKey))
    throw invalidSignature(`The ${usage.replace('_', '-')} key is not signed by the master key.`)
}

/** What a new master key does not vouch for any more, and the signatures of and on keys that are replaced. */
function endedBy(bundle: KeyBundle, fresh: CrossSigningKeys, userId: UserId): Write[] {
  const replaced = new Set(
    [...bundle.crossSigning].flatMap(([usage, key]) =>
      fresh.has(usage) || fresh.has('master') ? [publicKeyOf(key)] : [],
    ),
  )
  const others = (['self_signing', 'user_signing'] as const).filter(
    (usage) => fresh.has('master') && !fresh.has(usage) && bundle.crossSigning.has(usage),
  )
  const ended = bundle.signatures.filter(
    ({ target, key_id }) => replaced.has(target) || replaced.has(key_id.slice(key_id.indexOf(':') + 1)),
  )
  return [
    ...others.map((usage) => deleteCrossSigningKey(userId, usage)),
    ...ended.map((row) => deleteKeySignature(userId, row)),
  ]
}
