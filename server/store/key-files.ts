/**
 * The keys with which this server signs tokens for its own database: `live.jwk` for users' record sessions,
 * `federation-session.jwk` for sessions of verified servers. Apart, so that neither can make the other's.
 *
 * Only the public halves go into the database. A key that is lost or replaced ends the tokens made with it,
 * which live an hour at most; so a missing file is simply made. (The Matrix signing key is not like that: it
 * lives in `server/keys/`.)
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { calculateJwkThumbprint, exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK } from 'jose'
import type { SecretBox } from '../kernel/secrets.js'
import { DataFaultError } from '../kernel/start-faults.js'

export type SessionKey = {
  /** For signing; EdDSA. */
  privateKey: CryptoKey
  publicKey: CryptoKey
  /** SPKI, as `DEFINE ACCESS` wants it. */
  publicPem: string
  /** RFC 7638; the same on every node of a cluster. */
  thumbprint: string
}
export type SessionKeys = { live: SessionKey; federation: SessionKey }

/**
 * @param directory the data directory's `keys`; files get mode 0600
 * @throws DataFaultError where a file is there but cannot be opened or is no Ed25519 key; it is never overwritten
 */
export async function loadSessionKeys(directory: string, secretBox: SecretBox): Promise<SessionKeys> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return {
    live: await loadKey(join(directory, 'live.jwk'), secretBox),
    federation: await loadKey(join(directory, 'federation-session.jwk'), secretBox),
  }
}

async function loadKey(path: string, secretBox: SecretBox): Promise<SessionKey> {
  const sealed = await readIfThere(path)
  const jwk = sealed ? await openKey(path, sealed, secretBox) : await makeKey(path, secretBox)
  const { d: _private, ...publicJwk } = jwk
  const publicKey = await importKey({ ...publicJwk, key_ops: ['verify'] })
  return {
    privateKey: await importKey({ ...jwk, key_ops: ['sign'] }),
    publicKey,
    publicPem: await exportSPKI(publicKey),
    thumbprint: await calculateJwkThumbprint(publicJwk),
  }
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, 'EdDSA', { extractable: true })
  if (key instanceof Uint8Array) throw new Error('a session key must be an Ed25519 key')
  return key
}

async function openKey(path: string, sealed: Uint8Array, secretBox: SecretBox): Promise<JWK> {
  try {
    return readJwk(path, await secretBox.open(sealed))
  } catch (error) {
    throw new DataFaultError(
      'broken-key',
      `The key ${path} cannot be used (${(error as Error).message}): put it back from a backup, or delete it, and a new one is made.`,
    )
  }
}

function readJwk(path: string, bytes: Uint8Array): JWK {
  const jwk: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
  const { kty, crv, d, x } = (jwk ?? {}) as Record<string, unknown>
  if (kty !== 'OKP' || crv !== 'Ed25519' || typeof d !== 'string' || typeof x !== 'string')
    throw new Error(`${path} is not an Ed25519 key`)
  return { kty, crv, d, x }
}

async function makeKey(path: string, secretBox: SecretBox): Promise<JWK> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const { kty, crv, d, x } = await exportJWK(privateKey)
  const jwk = { kty, crv, d, x } as JWK
  await writeDurably(path, await secretBox.seal(Buffer.from(JSON.stringify(jwk))))
  return jwk
}

/** Whole or not at all. */
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

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
