/**
 * Which rooms are encrypted: as the room list says, else as the room's state does. One that was once seen encrypted stays
 * so for this device, whatever the server says of it later.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroomencryption
 */
import { MatrixRequestError } from '../platform/matrix/errors.js'
import type { MatrixHttp } from '../platform/matrix/http.js'
import type { EncryptionNeeds } from './encryption.js'

const entry = 'encrypted_rooms'

/** @returns an empty content where the room has none */
export const readState = (http: MatrixHttp, roomId: string, type: string) =>
  http
    .request<Record<string, unknown>>('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/${type}/`)
    .catch((error: unknown): Record<string, unknown> => {
      if (error instanceof MatrixRequestError && error.status === 404) return {}
      throw error
    })

export function makeEncryptedRooms({
  http,
  storage,
  isListedEncrypted,
}: Pick<EncryptionNeeds, 'http' | 'storage' | 'isListedEncrypted'>) {
  const known = () => {
    const kept = storage.read(entry)
    return new Set(Array.isArray(kept) ? (kept as string[]) : [])
  }
  return {
    async isEncrypted(roomId: string): Promise<boolean> {
      if (known().has(roomId)) return true
      const is =
        isListedEncrypted(roomId) ?? (await readState(http, roomId, 'm.room.encryption')).algorithm !== undefined
      if (is) storage.write(entry, [...known().add(roomId)])
      return is
    },
  }
}
