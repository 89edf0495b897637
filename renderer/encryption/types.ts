/** What the leading tab does for all, and what it tells them: values that JSON can carry. */

/** An event as the server gave it, with what decryption needs. */
export type SealedEvent = {
  event_id: string
  sender: string
  origin_server_ts: number
  content: Record<string, unknown>
  unsigned?: Record<string, unknown>
}

/** Why a message cannot be read. */
export type Cause =
  /** Its key has not come. */
  | 'missing'
  /** The sender's device gave the key to others, not to this one, and says why. */
  | 'withheld'
  /** Sent while this user was not in the room. */
  | 'notMember'
  /** Sent before this device was there, and the backup of keys is not open to it. */
  | 'beforeDevice'
  /** The key that came opens later messages only. */
  | 'laterKey'
  /** It is not from whom it says it is. */
  | 'forged'
  /** This page has no encryption: `EncryptionStatus` says why. */
  | 'unavailable'
  /** Encrypted in a way that nobody here knows, or damaged. */
  | 'broken'

/** What a reader should know of who sent it: nothing where all is well. */
export type Warning = 'unknownDevice' | 'unsignedDevice' | 'changedIdentity' | 'uncertain'

export type Opened =
  | { kind: 'clear'; type: string; content: Record<string, unknown>; warning?: Warning }
  | { kind: 'locked'; cause: Cause /** As the sender's device put it. */; code?: string; sessionId?: string }

export type RoomRules = {
  /** `m.room.encryption` as it stands. */
  encryption: Record<string, unknown>
  historyVisibility: string
}

export type Sealing = {
  roomId: string
  type: string
  content: Record<string, unknown>
  /** Who gets the key: joined, and invited where they may read what is sent now. */
  userIds: readonly string[]
  rules: RoomRules
}

export type EngineCalls = {
  /** @returns the content of an `m.room.encrypted` event */
  seal(sealing: Sealing): Promise<Record<string, unknown>>
  open(ask: { roomId: string; events: readonly SealedEvent[] }): Promise<Opened[]>
}

export type EngineNews =
  /** Keys have come: what could not be read may be readable now. */
  { kind: 'keys'; sessionIds: readonly string[] }
