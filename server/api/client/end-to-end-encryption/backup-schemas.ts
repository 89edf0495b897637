/** Shapes of key backups, and the form in which their keys go in and out. */
import { Type } from 'typebox'
import type { BackedUpKeys, BackupVersion, KeyBackupData } from '../../../encryption/key-backup.js'
import type { JsonObject } from '../../../events/pdu.js'

const AnyObject = Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true }))

/** The names of rooms and sessions are the client's: a backup may hold keys of rooms that this server never knew. */
export const VersionQuery = Type.Object({ version: Type.String() })
export const RoomParams = Type.Object({ roomId: Type.String() })
export const SessionParams = Type.Object({ roomId: Type.String(), sessionId: Type.String() })

export const NewBackupSchema = Type.Object({
  algorithm: Type.String({ maxLength: 255 }),
  auth_data: AnyObject,
  version: Type.Optional(Type.String()),
})
export const BackupSchema = Type.Unsafe<BackupVersion>(
  Type.Object({
    ...{ algorithm: Type.String(), auth_data: AnyObject, version: Type.String() },
    ...{ count: Type.Integer(), etag: Type.String() },
  }),
)
export const BackupStateSchema = Type.Object({ count: Type.Integer(), etag: Type.String() })

export const KeyBackupDataSchema = Type.Unsafe<KeyBackupData>(
  Type.Object(
    {
      first_message_index: Type.Integer(),
      forwarded_count: Type.Integer(),
      is_verified: Type.Boolean(),
      session_data: AnyObject,
    },
    { additionalProperties: true },
  ),
)
export const SessionsSchema = Type.Object({ sessions: Type.Record(Type.String(), KeyBackupDataSchema) })
export const RoomsSchema = Type.Object({ rooms: Type.Record(Type.String(), SessionsSchema) })

type Sessions = { sessions: Record<string, KeyBackupData> }

export const toKeys = (rooms: Record<string, Sessions>): BackedUpKeys =>
  new Map(Object.entries(rooms).map(([roomId, { sessions }]) => [roomId, new Map(Object.entries(sessions))]))

export const toRooms = (keys: BackedUpKeys): { rooms: Record<string, Sessions> } => ({
  rooms: Object.fromEntries(
    [...keys].map(([roomId, sessions]) => [roomId, { sessions: Object.fromEntries(sessions) }]),
  ),
})

export const toSessions = (keys: BackedUpKeys, roomId: string): Sessions => ({
  sessions: Object.fromEntries(keys.get(roomId) ?? []),
})
