/**
 * The recovery key: what brings a person's identity and messages back where no device of theirs is at hand.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#secret-storage
 */
import type { OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm'
import { MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import { randomId } from '../../platform/random-id.js'
import { readRecoveryKey, writeRecoveryKey } from '../recovery-key.js'
import { describeKey, isKeyOf, type KeyDescription, openSecret, type Sealed, sealSecret } from '../secret-storage.js'
import type { Backup } from './backup.js'
import type { CrossSigning } from './cross-signing.js'

const secretNames = {
  master: 'm.cross_signing.master',
  selfSigning: 'm.cross_signing.self_signing',
  userSigning: 'm.cross_signing.user_signing',
  backup: 'm.megolm_backup.v1',
} as const

type RecoveryNeeds = { machine: OlmMachine; http: MatrixHttp; crossSigning: CrossSigning; backup: Backup }

export function makeRecovery({ machine, http, crossSigning, backup }: RecoveryNeeds) {
  const dataPath = (type: string) =>
    `/_matrix/client/v3/user/${encodeURIComponent(machine.userId.toString())}/account_data/${encodeURIComponent(type)}`
  const write = (type: string, body: object) => http.request('PUT', dataPath(type), { body })
  const read = <Content>(type: string) =>
    http.request<Content>('GET', dataPath(type)).catch((error: unknown) => {
      if (error instanceof MatrixRequestError && error.status === 404) return undefined
      throw error
    })

  async function readDefaultKey(): Promise<{ id: string; description: KeyDescription } | undefined> {
    const id = (await read<{ key?: unknown }>('m.secret_storage.default_key'))?.key
    if (typeof id !== 'string') return undefined
    const description = await read<KeyDescription>(`m.secret_storage.key.${id}`)
    return description && { id, description }
  }

  async function readSecret(key: Uint8Array, id: string, name: string): Promise<string | undefined> {
    const sealed = (await read<{ encrypted?: Record<string, Sealed> }>(name))?.encrypted?.[id]
    return sealed && openSecret(key, name, sealed)
  }

  return {
    exists: async () => (await readDefaultKey()) !== undefined,

    /** Makes a new recovery key and seals with it what is here. @returns the key as it is written down */
    async setUp(): Promise<string> {
      const keys = await machine.exportCrossSigningKeys()
      if (!keys?.masterKey || !keys.self_signing_key || !keys.userSigningKey)
        throw new Error('this device does not hold the identity')
      const { decryptionKey } = await machine.getBackupKeys()
      const secrets = {
        master: keys.masterKey,
        selfSigning: keys.self_signing_key,
        userSigning: keys.userSigningKey,
        ...(decryptionKey ? { backup: decryptionKey.toBase64() } : {}),
      }
      const key = crypto.getRandomValues(new Uint8Array(32))
      const id = randomId()
      await write(`m.secret_storage.key.${id}`, await describeKey(key))
      for (const [name, secret] of Object.entries(secrets)) {
        const type = secretNames[name as keyof typeof secretNames]
        await write(type, { encrypted: { [id]: await sealSecret(key, type, secret) } })
      }
      // Last, so that a key that is the default one opens everything.
      await write('m.secret_storage.default_key', { key: id })
      return writeRecoveryKey(key)
    },

    /** Brings the identity and the backup back. @returns whether it is the recovery key of this account */
    async recover(text: string): Promise<boolean> {
      const key = readRecoveryKey(text)
      const kept = await readDefaultKey()
      if (!key || !kept || !(await isKeyOf(key, kept.description))) return false
      const secret = (name: string) => readSecret(key, kept.id, name)
      await crossSigning.refresh()
      await machine.importCrossSigningKeys(
        await secret(secretNames.master),
        await secret(secretNames.selfSigning),
        await secret(secretNames.userSigning),
      )
      await crossSigning.signDevice()
      const ofBackup = await secret(secretNames.backup)
      if (ofBackup && (await backup.take(ofBackup))) await backup.restore()
      return true
    },
  }
}
