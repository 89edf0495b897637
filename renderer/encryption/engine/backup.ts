/**
 * The backup of room keys on the server, which only the owner can open: on by itself where the identity is this device's
 * own, and checked at each start.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
import { BackupDecryptionKey, type OlmMachine, RoomId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { MatrixRequestError } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { Requests, Sendable } from './requests.js'

type Version = { version: string; algorithm: string; auth_data: { public_key?: string; signatures?: object } }
type BackedUp = { session_data: { ephemeral?: string; mac?: string; ciphertext?: string } }
type Rooms = { rooms?: Record<string, { sessions?: Record<string, BackedUp> }> }

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
const path = '/_matrix/client/v3/room_keys'
const pauseMs = 2_000

export type Backup = ReturnType<typeof makeBackup>

export function makeBackup(machine: OlmMachine, requests: Requests, http: MatrixHttp) {
  let isRunning = false
  let isAskedAgain = false
  let timer: ReturnType<typeof setTimeout> | undefined

  async function readVersion(): Promise<Version | undefined> {
    return http.request<Version>('GET', `${path}/version`).catch((error: unknown) => {
      if (error instanceof MatrixRequestError && error.status === 404) return undefined
      throw error
    })
  }

  async function upload(): Promise<void> {
    do {
      isAskedAgain = false
      for (;;) {
        const request = await machine.backupRoomKeys()
        if (!request) break
        await requests.send(request as Sendable)
      }
    } while (isAskedAgain)
  }

  /** @returns whether the key opens what lies under this version */
  const fits = (key: BackupDecryptionKey, { auth_data }: Version) =>
    key.megolmV1PublicKey.publicKeyBase64 === auth_data.public_key

  async function turnOn(key: BackupDecryptionKey, version: Version): Promise<void> {
    const publicKey = key.megolmV1PublicKey.publicKeyBase64
    await machine.saveBackupDecryptionKey(key, version.version)
    await machine.enableBackupV1(publicKey, version.version)
  }

  return {
    readVersion,
    /** Makes one where there is none. */
    async ensure(): Promise<void> {
      const version = await readVersion()
      if (version) {
        const { decryptionKey } = await machine.getBackupKeys()
        if (decryptionKey && fits(decryptionKey, version)) await turnOn(decryptionKey, version)
        return
      }
      const key = BackupDecryptionKey.createRandomKey()
      const data = { public_key: key.megolmV1PublicKey.publicKeyBase64 }
      const signed = await machine.sign(JSON.stringify(data))
      const auth_data = { ...data, signatures: JSON.parse(signed.asJSON()) as object }
      const made = await http.request<{ version: string }>('POST', `${path}/version`, {
        body: { algorithm, auth_data },
      })
      await turnOn(key, { version: made.version, algorithm, auth_data })
    },
    /** Takes the key of the backup that there is. @returns whether it is that one's */
    async take(keyText: string): Promise<boolean> {
      const version = await readVersion()
      const key = BackupDecryptionKey.fromBase64(keyText)
      if (!version || version.algorithm !== algorithm || !fits(key, version)) return false
      await turnOn(key, version)
      return true
    },
    /** Brings in all keys of the backup. @returns how many */
    async restore(): Promise<number> {
      const { decryptionKey, backupVersion } = await machine.getBackupKeys()
      if (!decryptionKey || !backupVersion) return 0
      const { rooms = {} } = await http.request<Rooms>('GET', `${path}/keys`, { query: { version: backupVersion } })
      const opened = new Map<RoomId, Map<string, unknown>>()
      for (const [roomId, { sessions = {} }] of Object.entries(rooms)) {
        const ofRoom = new Map<string, unknown>()
        for (const [sessionId, { session_data: data }] of Object.entries(sessions)) {
          try {
            ofRoom.set(sessionId, JSON.parse(decryptionKey.decryptV1(data.ephemeral!, data.mac!, data.ciphertext!)))
          } catch {
            // one that is damaged must not keep the others away
          }
        }
        opened.set(new RoomId(roomId), ofRoom)
      }
      const { importedCount } = await machine.importBackedUpRoomKeys(opened, () => undefined, backupVersion)
      return importedCount
    },
    /** Puts in what is not there yet; soon, and what comes meanwhile with it. */
    wake(): void {
      clearTimeout(timer)
      timer = setTimeout(() => {
        isAskedAgain = true
        if (isRunning) return
        isRunning = true
        upload()
          .catch((error: unknown) => console.warn('room keys could not be put into the backup yet', String(error)))
          .finally(() => {
            isRunning = false
          })
      }, pauseMs)
    },
    async state() {
      const [isOn, { total, backedUp }] = await Promise.all([machine.isBackupEnabled(), machine.roomKeyCounts()])
      return { isOn, total, backedUp }
    },
    stop: () => clearTimeout(timer),
  }
}
