/**
 * This server's Matrix signing keys in `keys/`: the one it signs with, and those it used before.
 *
 * `signing.key` holds one line, `ed25519 <version> <seed>`, the form other homeservers use too, so that a
 * key can be carried over. It is sealed as the host chose and made at the first start. Losing it
 * means that other servers stop believing us until their copy of our keys expires.
 * `old-keys.json` lists retired public keys: `[{ "key_id", "key", "expired_ts" }]`.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#publishing-keys
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeBase64, encodeUnpaddedBase64 } from '../events/base64.js'
import { type SigningKey, signingKeyFromSeed } from '../events/signatures.js'
import { randomId } from '../kernel/clock.js'
import type { SecretBox } from '../kernel/secrets.js'
import { DataFaultError } from '../kernel/start-faults.js'

export type RetiredKey = { keyId: string; publicKeyBase64: string; expiredTs: number }
export type SigningKeys = { current: SigningKey; retired: RetiredKey[] }

const fileName = 'signing.key'
const retiredFileName = 'old-keys.json'

/**
 * @param directory the data directory's `keys`
 * @throws DataFaultError where the key is there but cannot be used: a new one is never made over it
 */
export async function loadSigningKeys(directory: string, secretBox: SecretBox): Promise<SigningKeys> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const sealed = await readIfThere(join(directory, fileName))
  const current = sealed
    ? await openKey(join(directory, fileName), sealed, secretBox)
    : await makeKey(directory, secretBox)
  return { current, retired: readRetired(await readIfThere(join(directory, retiredFileName))) }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function openKey(path: string, sealed: Uint8Array, secretBox: SecretBox): Promise<SigningKey> {
  try {
    return readKeyLine(await secretBox.open(sealed))
  } catch (error) {
    throw new DataFaultError(
      'broken-key',
      `The key ${path} cannot be used (${(error as Error).message}): put it back from a backup; a new one is never made over it.`,
    )
  }
}

function readKeyLine(bytes: Uint8Array): SigningKey {
  const match = /^(ed25519) ([A-Za-z0-9_]+) ([A-Za-z0-9+/=]+)\s*$/.exec(Buffer.from(bytes).toString('utf8'))
  const seed = match && decodeBase64(match[3]!)
  if (!match || seed?.length !== 32) throw new Error(`${fileName} is not a signing key of this server`)
  return signingKeyFromSeed(seed, `${match[1]}:${match[2]}`)
}

async function makeKey(directory: string, secretBox: SecretBox): Promise<SigningKey> {
  const seed = randomBytes(32)
  const version = `h_${randomId(6)}`
  const line = Buffer.from(`ed25519 ${version} ${encodeUnpaddedBase64(seed)}\n`)
  await writeDurably(join(directory, fileName), await secretBox.seal(line))
  return signingKeyFromSeed(seed, `ed25519:${version}`)
}

/** Whole or not at all: a half-written key would be a lost one. */
async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

function readRetired(bytes: Buffer | undefined): RetiredKey[] {
  if (!bytes) return []
  const rows: unknown = JSON.parse(bytes.toString('utf8'))
  if (!Array.isArray(rows)) throw new Error(`${retiredFileName} is not a list`)
  return rows.map((row: Record<string, unknown>) => {
    const { key_id, key, expired_ts } = row
    if (typeof key_id !== 'string' || typeof key !== 'string' || typeof expired_ts !== 'number')
      throw new Error(`${retiredFileName} has an entry without key_id, key and expired_ts`)
    return { keyId: key_id, publicKeyBase64: key, expiredTs: expired_ts }
  })
}
