/**
 * Backups of room keys, encrypted by the client: the server keeps them, counts them, and lets a better copy of a key replace a
 * worse one.
 *
 * Keys are written to the newest version only. What a request brings goes in pieces, each with the count and the etag that
 * are true after it. A version that is deleted is gone at once, and its keys piece by piece (`purge`), after a
 * crash as well.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-side-key-backups
 */
import type { JsonObject } from '../events/pdu.js'
import { invalidParam, MatrixError, notFound } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import {
  type BackedUpSession,
  deleteSession,
  insertKeyBackup,
  type KeyBackupRow,
  readKeyBackups,
  readSessionNames,
  readSessions,
  readUnpurgedBackups,
  type SessionName,
  setKeyBackup,
  setSession,
} from '../store/key-backup-store.js'
import type { Database } from '../store/reader.js'
import { inPieces, pieceLimits } from '../store/write-size.js'
import type { Write } from '../store/writes.js'

export type KeyBackupData = Omit<BackedUpSession, 'session_data'> & { session_data: JsonObject }
/** By room and session. */
export type BackedUpKeys = ReadonlyMap<string, ReadonlyMap<string, KeyBackupData>>
/** All of a version, one room of it, or one session. */
export type BackupPart = { roomId?: string; sessionId?: string }
export type BackupState = { etag: string; count: number }
export type BackupVersion = BackupState & { algorithm: string; auth_data: JsonObject; version: string }
type Given = { algorithm: string; auth_data: JsonObject; version?: string | undefined }

export type KeyBackup = {
  createBackup(userId: UserId, given: Given): Promise<{ version: string }>
  /** @param version undefined: the newest. @throws MatrixError 404 */
  readBackup(userId: UserId, version?: string): Promise<BackupVersion>
  /** Changes `auth_data`. @throws MatrixError 404, 400 for another algorithm or version */
  updateBackup(userId: UserId, version: string, given: Given): Promise<void>
  /** @throws MatrixError 404 for a version that never was */
  deleteBackup(userId: UserId, version: string): Promise<void>
  /** @throws MatrixError 403 `M_WRONG_ROOM_KEYS_VERSION` for a version that is not the newest, 404, 413 */
  storeKeys(userId: UserId, version: string, keys: BackedUpKeys): Promise<BackupState>
  /** @throws MatrixError 404 for a version that is not there */
  readKeys(userId: UserId, version: string, part: BackupPart): Promise<BackedUpKeys>
  deleteKeys(userId: UserId, version: string, part: BackupPart): Promise<BackupState>
}

const maxDataLength = 65_536
const maxNameLength = 255
const readAtOnce = 500

export function makeKeyBackup({ db }: { db: Database }): KeyBackup & { purgeBackups(limit: number): Promise<number> } {
  const inTurn = makeKeyedLock()
  const commit = (writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))

  async function find(userId: UserId, version: string | undefined): Promise<KeyBackupRow> {
    const there = (await readKeyBackups(db, userId)).filter(({ is_deleted }) => !is_deleted)
    const found = version === undefined ? there.at(-1) : there.find((row) => String(row.version) === version)
    if (!found) throw notFound('There is no such key backup.')
    return found
  }

  async function findNewest(userId: UserId, version: string): Promise<KeyBackupRow> {
    const [found, newest] = [await find(userId, version), await find(userId, undefined)]
    if (found.version === newest.version) return found
    throw new MatrixError(403, 'M_WRONG_ROOM_KEYS_VERSION', 'That is not the newest key backup.', {
      current_version: String(newest.version),
    })
  }

  /** Writes rows with what is true after them; `counts` says of each whether it is one more or one less. */
  async function write(
    backup: KeyBackupRow,
    rows: readonly Write[],
    counts: (row: Write) => number,
  ): Promise<BackupState> {
    let { count, etag } = backup
    for (const piece of inPieces(rows, { ...pieceLimits, rows: pieceLimits.rows - 1 })) {
      count += piece.reduce((sum, row) => sum + counts(row), 0)
      etag += 1
      await commit([...piece, setKeyBackup(backup, { count, etag })])
    }
    return { count, etag: String(etag) }
  }

  async function store(userId: UserId, version: string, keys: BackedUpKeys): Promise<BackupState> {
    const backup = await findNewest(userId, version)
    const given = [...keys].flatMap(([roomId, sessions]) =>
      [...sessions].map(([sessionId, data]) => ({ roomId, sessionId, session: toStored(roomId, sessionId, data) })),
    )
    const better: Write[] = []
    const added = new Set<Write>()
    for (let start = 0; start < given.length; start += readAtOnce) {
      const some = given.slice(start, start + readAtOnce)
      const there = new Map((await readSessions(db, backup, some)).map((row) => [keyOf(row), row]))
      for (const { session, ...name } of some) {
        const known = there.get(keyOf(name))
        if (known && !isBetter(session, known)) continue
        const row = setSession(backup, name, session)
        better.push(row)
        if (!known) added.add(row)
      }
    }
    return write(backup, better, (row) => (added.has(row) ? 1 : 0))
  }

  async function namesIn(backup: KeyBackupRow, { roomId, sessionId }: BackupPart): Promise<SessionName[]> {
    if (roomId === undefined || sessionId === undefined) return readSessionNames(db, backup, roomId)
    return (await readSessions(db, backup, [{ roomId, sessionId }])).length > 0 ? [{ roomId, sessionId }] : []
  }

  /** Deletes at most `limit` sessions of a version that is deleted. @returns how many */
  async function purge(backup: KeyBackupRow, limit: number): Promise<number> {
    const names = await readSessionNames(db, backup)
    const some = names.slice(0, limit)
    const isLast = some.length === names.length
    for (const piece of inPieces(some.map((name) => deleteSession(backup, name)))) await commit(piece)
    if (isLast) await commit([setKeyBackup(backup, { is_purged: true })])
    return some.length
  }

  return {
    createBackup: (userId, { algorithm, auth_data }) =>
      inTurn(userId, async () => {
        const last = (await readKeyBackups(db, userId)).at(-1)?.version ?? 0
        const row = { user_id: userId, version: last + 1, algorithm, auth_data: textOf(auth_data) }
        await commit([insertKeyBackup({ ...row, count: 0, etag: 0, is_deleted: false, is_purged: false })])
        return { version: String(row.version) }
      }),
    async readBackup(userId, version) {
      const { algorithm, auth_data, count, etag, ...row } = await find(userId, version)
      return { algorithm, auth_data: JSON.parse(auth_data), count, etag: String(etag), version: String(row.version) }
    },
    updateBackup: (userId, version, given) =>
      inTurn(userId, async () => {
        const backup = await find(userId, version)
        if (given.version !== undefined && given.version !== version)
          throw invalidParam('The version in the body is not that of the path.')
        if (given.algorithm !== backup.algorithm) throw invalidParam('The algorithm of a backup cannot be changed.')
        await commit([setKeyBackup(backup, { auth_data: textOf(given.auth_data) })])
      }),
    deleteBackup: (userId, version) =>
      inTurn(userId, async () => {
        const row = (await readKeyBackups(db, userId)).find((each) => String(each.version) === version)
        if (!row) throw notFound('There is no such key backup.')
        if (!row.is_deleted) await commit([setKeyBackup(row, { is_deleted: true })])
        if (!row.is_purged) await purge(row, Number.POSITIVE_INFINITY)
      }),
    storeKeys: (userId, version, keys) => inTurn(userId, () => store(userId, version, keys)),
    async readKeys(userId, version, part) {
      const backup = await find(userId, version)
      const names = await namesIn(backup, part)
      const rooms = new Map<string, Map<string, KeyBackupData>>()
      for (let start = 0; start < names.length; start += readAtOnce)
        for (const { roomId, sessionId, ...row } of await readSessions(
          db,
          backup,
          names.slice(start, start + readAtOnce),
        )) {
          const room = rooms.get(roomId) ?? new Map()
          rooms.set(roomId, room.set(sessionId, { ...row, session_data: JSON.parse(row.session_data) }))
        }
      return rooms
    },
    deleteKeys: (userId, version, part) =>
      inTurn(userId, async () => {
        const backup = await find(userId, version)
        const names = await namesIn(backup, part)
        return write(
          backup,
          names.map((name) => deleteSession(backup, name)),
          () => -1,
        )
      }),
    async purgeBackups(limit) {
      let left = limit
      for (const backup of await readUnpurgedBackups(db)) {
        if (left > 0) left -= await inTurn(backup.user_id, () => purge(backup, left))
      }
      return limit - left
    },
  }
}

const keyOf = ({ roomId, sessionId }: SessionName) => JSON.stringify([roomId, sessionId])

/** @throws MatrixError 413 */
function textOf(data: JsonObject): string {
  const text = JSON.stringify(data)
  if (text.length > maxDataLength)
    throw new MatrixError(413, 'M_TOO_LARGE', 'The data of a backup or a key are too long.')
  return text
}

function toStored(roomId: string, sessionId: string, data: KeyBackupData): BackedUpSession {
  if (roomId.length > maxNameLength || sessionId.length > maxNameLength)
    throw invalidParam('The name of a room or session is too long.')
  const { first_message_index, forwarded_count, is_verified, session_data } = data
  return { first_message_index, forwarded_count, is_verified, session_data: textOf(session_data) }
}

/** Verified before not, then from an earlier message on, then forwarded fewer times. */
function isBetter(one: BackedUpSession, other: BackedUpSession): boolean {
  if (one.is_verified !== other.is_verified) return one.is_verified
  if (one.first_message_index !== other.first_message_index) return one.first_message_index < other.first_message_index
  return one.forwarded_count < other.forwarded_count
}
