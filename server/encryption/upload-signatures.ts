/**
 * Signatures that vouch for keys: of one's own devices and keys, and of other people's master keys. Each is verified before it
 * is kept; one that is wrong is told in the answer and stops none of the others.
 *
 * What may be signed by what:
 *  - one's own device by one's self-signing key;
 *  - one's own master key by one's own devices;
 *  - somebody else's master key by one's user-signing key. Nobody else sees that one.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { verifyJson } from '../events/signatures.js'
import { invalidParam, MatrixError, notFound } from '../kernel/errors.js'
import { type DeviceId, parseUserId, type UserId } from '../kernel/identifiers.js'
import type { KeyedLock } from '../rooms/keyed-lock.js'
import { type KeySignatureRow, setKeySignature } from '../store/device-key-store.js'
import type { Database } from '../store/reader.js'
import { invalidSignature } from './cross-signing.js'
import { deviceListChanged } from './device-list-changed.js'
import { type CrossSigningKey, type KeyBundle, publicKeyOf, type ReadKeyBundles } from './key-bundles.js'
import { textOfKey } from './key-shapes.js'
import type { AskForKeys } from './query-keys.js'

/** By user and device ID or public key, the key as the client saw it with the signatures to add. */
export type SignedKeys = Readonly<Record<string, Readonly<Record<string, JsonObject>>>>
/** By user and key, why it was not taken. */
export type SignatureFailures = Record<string, Record<string, JsonObject>>

export type UploadSignatures = (userId: UserId, signed: SignedKeys) => Promise<SignatureFailures>

/** Of one request. */
const maxSignatures = 1_000
const remoteTimeoutMs = 10_000

type Needs = {
  db: Database
  readKeyBundles: ReadKeyBundles
  askForKeys: AskForKeys
  isLocal: (userId: UserId) => boolean
  inTurn: KeyedLock
}

/** A signature that was found good, and whose key it is on. */
type Good = KeySignatureRow & { owner: UserId; isDevice: boolean }

export function makeUploadSignatures(needs: Needs): UploadSignatures {
  const { db, readKeyBundles } = needs

  async function masterKeyOf(userId: UserId): Promise<JsonObject | undefined> {
    if (needs.isLocal(userId)) return (await readKeyBundles([userId])).get(userId)?.crossSigning.get('master')
    return (await needs.askForKeys(new Map([[userId, []]]), remoteTimeoutMs)).master_keys[userId]
  }

  async function upload(userId: UserId, signed: SignedKeys): Promise<SignatureFailures> {
    const own = (await readKeyBundles([userId])).get(userId)!
    const good: Good[] = []
    const failures = new Map<string, [string, JsonObject][]>()
    for (const [of, byKey] of Object.entries(signed))
      for (const [target, key] of Object.entries(byKey)) {
        try {
          good.push(...(await check(userId, own, of, target, key)))
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
          failures.set(of, [...(failures.get(of) ?? []), [target, error.toBody()]])
        }
      }
    if (good.length > 0) await keep(userId, own, good)
    return Object.fromEntries([...failures].map(([of, failed]) => [of, Object.fromEntries(failed)]))
  }

  async function check(userId: UserId, own: KeyBundle, of: string, target: string, key: JsonObject): Promise<Good[]> {
    const owner = parseUserId(of)
    if (!owner) throw invalidParam('That is not a user ID.')
    if (owner !== userId) return checkOthersMaster(userId, own, owner, target, key)
    const device = own.devices.get(target as DeviceId)
    if (device) return checkOwn(userId, target, key, device.keys, signersOf(own.crossSigning.get('self_signing')), true)
    const master = own.crossSigning.get('master')
    if (!master || publicKeyOf(master) !== target) throw notFound('You have no such device or master key.')
    const devices = [...own.devices].map(([deviceId, { keys }]) => {
      const name = `ed25519:${deviceId}`
      return [name, keys.keys[name] ?? ''] as const
    })
    return checkOwn(userId, target, key, master, new Map(devices), false)
  }

  async function checkOthersMaster(
    userId: UserId,
    own: KeyBundle,
    owner: UserId,
    target: string,
    key: JsonObject,
  ): Promise<Good[]> {
    const signers = signersOf(own.crossSigning.get('user_signing'))
    if (signers.size === 0) throw notFound('You have no user-signing key.')
    const master = await masterKeyOf(owner)
    if (!master || publicKeyOf(master as CrossSigningKey) !== target)
      throw notFound('That user has no such master key.')
    return checkOwn(userId, target, key, master, signers, false).map((row) => ({ ...row, owner }))
  }

  async function keep(userId: UserId, own: KeyBundle, good: readonly Good[]): Promise<void> {
    const isNew = (row: Good) =>
      row.owner !== userId ||
      !own.signatures.some(
        (known) => known.target === row.target && known.key_id === row.key_id && known.signature === row.signature,
      )
    const fresh = good.filter(isNew)
    if (fresh.length === 0) return
    const ofOwn = fresh.filter(({ owner }) => owner === userId)
    const others = new Set(fresh.flatMap(({ owner }) => (owner === userId ? [] : [owner])))
    await db.commit((grant) => {
      const deviceIds = new Set(ofOwn.flatMap(({ isDevice, target }) => (isDevice ? [target as DeviceId] : [])))
      const told = [
        ...(ofOwn.length > 0 ? [deviceListChanged(grant, userId, [...deviceIds])] : []),
        ...[...others].map((owner) => deviceListChanged(grant, owner, [], userId)),
      ]
      return {
        writes: [...fresh.map((row) => setKeySignature(row.owner, row)), ...told.flatMap(({ writes }) => writes)],
        changes: told.flatMap(({ changes }) => changes),
        result: undefined,
      }
    })
  }

  return (userId, signed) => {
    const count = Object.values(signed).reduce((sum, byKey) => sum + Object.keys(byKey).length, 0)
    if (count > maxSignatures)
      throw new MatrixError(400, 'M_TOO_LARGE', `A request signs at most ${maxSignatures} keys.`)
    return needs.inTurn(userId, () => upload(userId, signed))
  }
}

/** Names and public keys that may sign. */
const signersOf = (key: CrossSigningKey | undefined): Map<string, string> =>
  new Map(key ? [[`ed25519:${publicKeyOf(key)}`, publicKeyOf(key)]] : [])

/** @throws MatrixError where the key is not the one that is kept, or no signature of `userId` by one of `signers` is good */
function checkOwn(
  userId: UserId,
  target: string,
  key: JsonObject,
  kept: JsonObject,
  signers: ReadonlyMap<string, string>,
  isDevice: boolean,
): Good[] {
  if (textOfKey(bare(key)) !== textOfKey(bare(kept))) throw invalidParam('That is not the key as it was uploaded.')
  const signatures = isJsonObject(key.signatures) ? key.signatures[userId] : undefined
  const good: Good[] = []
  for (const [key_id, signature] of Object.entries(isJsonObject(signatures) ? signatures : {})) {
    if (typeof signature !== 'string' || isSignedSo(kept, userId, key_id, signature)) continue
    const publicKey = signers.get(key_id)
    if (publicKey === undefined || !verifyJson(key, userId, key_id, publicKey))
      throw invalidSignature('A signature is not by a key that may sign this, or does not fit.')
    good.push({ owner: userId, target, signer: userId, key_id, signature, isDevice })
  }
  return good
}

function bare({ signatures: _, unsigned: _u, ...key }: JsonObject): JsonObject {
  return key
}

/** What the key carried already when it came: the client sends it along. */
function isSignedSo(kept: JsonObject, userId: UserId, keyId: string, signature: string): boolean {
  const ofUser = isJsonObject(kept.signatures) ? kept.signatures[userId] : undefined
  return isJsonObject(ofUser) && ofUser[keyId] === signature
}
