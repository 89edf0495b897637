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
  readAccount(ask: object): Promise<AccountState>
  /** @returns the recovery key, to be written down */
  setUpRecovery(ask: object): Promise<string>
  /** @returns whether it is the recovery key of this account */
  recover(ask: { text: string }): Promise<boolean>
  /** @returns the file's text */
  exportKeys(ask: { passphrase: string }): Promise<string>
  /** @returns how many keys were new here */
  importKeys(ask: { text: string; passphrase: string }): Promise<number>
  readPerson(ask: { userId: string }): Promise<PersonState>
  /** The identity that somebody has now is taken for theirs. */
  acceptIdentity(ask: { userId: string }): Promise<void>
  /** @returns the flow's ID */
  askVerification(ask: { userId: string; deviceId?: string | undefined }): Promise<string>
  acceptVerification(ask: { flowId: string }): Promise<void>
  confirmVerification(ask: { flowId: string }): Promise<void>
  /** @param ask.isDifferent what was compared did not match */
  cancelVerification(ask: { flowId: string; isDifferent?: boolean }): Promise<void>
}

export type EngineNews =
  /** Keys have come: what could not be read may be readable now. */
  | { kind: 'keys'; sessionIds: readonly string[] }
  /** Something of the account, or of somebody's devices, is not what it was. */
  | { kind: 'trust' }
  | { kind: 'verifications'; states: readonly VerificationState[] }

/** How far two devices are in comparing emoji. */
export type VerificationState = {
  flowId: string
  userId: string
  deviceId: string | undefined
  /** Between two devices of one person. */
  isOwn: boolean
  weAsked: boolean
  /** `elsewhere`: another device of ours has answered. */
  phase: 'asking' | 'asked' | 'starting' | 'comparing' | 'confirmed' | 'done' | 'cancelled' | 'elsewhere'
  emoji: { symbol: string; description: string }[] | undefined
  cancelCode: string | undefined
}

export type AccountState = {
  /** This device is vouched for by its owner's identity. */
  isVerified: boolean
  /** It could vouch for others. */
  hasPrivateKeys: boolean
  hasRecovery: boolean
  backup: { isOn: boolean; total: number; backedUp: number }
}

/** What is known of a person's identity and devices. */
export type PersonState = {
  /** `changed`: it is another one than before; `violated`: than the one that was verified. */
  identity: 'none' | 'seen' | 'verified' | 'changed' | 'violated'
  devices: { deviceId: string; name: string | undefined; isVerified: boolean }[]
}
