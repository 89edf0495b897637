/**
 * Decrypting what comes in rooms, and naming why it cannot be.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#reporting-that-decryption-keys-are-withheld
 */
import {
  DecryptionErrorCode,
  DecryptionSettings,
  MegolmDecryptionError,
  type OlmMachine,
  RoomId,
  ShieldColor,
  ShieldStateCode,
  TrustRequirement,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { Cause, Opened, SealedEvent, Warning } from '../types.js'

type Plain = { type: string; content: Record<string, unknown> }

const warnings: Partial<Record<ShieldStateCode, Warning>> = {
  [ShieldStateCode.AuthenticityNotGuaranteed]: 'uncertain',
  [ShieldStateCode.UnknownDevice]: 'unknownDevice',
  [ShieldStateCode.UnsignedDevice]: 'unsignedDevice',
  [ShieldStateCode.VerificationViolation]: 'changedIdentity',
}

const causes: Partial<Record<DecryptionErrorCode, Cause>> = {
  [DecryptionErrorCode.MissingRoomKey]: 'missing',
  [DecryptionErrorCode.UnknownMessageIndex]: 'laterKey',
  [DecryptionErrorCode.MismatchedIdentityKeys]: 'forged',
  [DecryptionErrorCode.MismatchedSender]: 'forged',
  [DecryptionErrorCode.UnknownSenderDevice]: 'forged',
  [DecryptionErrorCode.UnsignedSenderDevice]: 'forged',
  [DecryptionErrorCode.SenderIdentityVerificationViolation]: 'forged',
}

export function makeOpen(machine: OlmMachine) {
  async function openOne(roomId: string, event: SealedEvent): Promise<Opened> {
    const settings = new DecryptionSettings(TrustRequirement.Untrusted)
    try {
      const text = JSON.stringify({ type: 'm.room.encrypted', ...event })
      const opened = await machine.decryptRoomEvent(text, new RoomId(roomId), settings)
      const { type, content } = JSON.parse(opened.event) as Plain
      const shield = opened.shieldState(false)
      const warning = shield.color === ShieldColor.None || shield.code === undefined ? undefined : warnings[shield.code]
      // Words are not shown under the name of who did not say them.
      if (shield.code === ShieldStateCode.MismatchedSender)
        return { kind: 'locked', cause: 'forged', ...sessionOf(event) }
      return { kind: 'clear', type, content: withRelation(content, event.content), ...(warning ? { warning } : {}) }
    } catch (error) {
      return locked(event, error)
    }
  }

  function locked(event: SealedEvent, error: unknown): Opened {
    const sessionId = sessionOf(event)
    if (!(error instanceof MegolmDecryptionError)) return { kind: 'locked', cause: 'broken', ...sessionId }
    const { withheldCode: code } = error
    const cause = causes[error.code] ?? 'broken'
    if (cause !== 'missing' && cause !== 'laterKey') return { kind: 'locked', cause, ...sessionId }
    if (code) return { kind: 'locked', cause: 'withheld', code, ...sessionId }
    const membership = event.unsigned?.membership
    if (membership === 'leave' || membership === 'ban') return { kind: 'locked', cause: 'notMember', ...sessionId }
    if (event.origin_server_ts < machine.deviceCreationTimeMs)
      return { kind: 'locked', cause: 'beforeDevice', ...sessionId }
    return { kind: 'locked', cause, ...sessionId }
  }

  return {
    open: ({ roomId, events }: { roomId: string; events: readonly SealedEvent[] }): Promise<Opened[]> =>
      Promise.all(events.map((event) => openOne(roomId, event))),
  }
}

function sessionOf({ content }: SealedEvent): { sessionId?: string } {
  return typeof content.session_id === 'string' ? { sessionId: content.session_id } : {}
}

/** What it relates to stands outside, where the server can read it too. */
function withRelation(content: Plain['content'], sealed: Record<string, unknown>): Plain['content'] {
  const relation = sealed['m.relates_to']
  return relation === undefined ? content : { ...content, 'm.relates_to': relation }
}
