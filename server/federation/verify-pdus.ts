/**
 * Steps 1 to 3 of the checks on receipt, for many PDUs at once: format, signatures, content hash.
 *
 * All keys that the batch may need are fetched first, so that a thousand events of fifty servers cost
 * fifty requests side by side and no waiting in between. The work itself is done in slices, with a pause
 * for everything else after each.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
import { setImmediate } from 'node:timers/promises'
import { computeEventId, toPduEvent } from '../events/event-id.js'
import { checkPduFormat, type Pdu, type PduEvent } from '../events/pdu.js'
import type { RoomVersionRules } from '../events/room-versions.js'
import { requiredSigners, verifyPdu } from '../events/signatures.js'
import type { Clock } from '../kernel/clock.js'
import { badJson, forbidden, type MatrixError } from '../kernel/errors.js'
import type { EventId } from '../kernel/identifiers.js'
import type { KeyRing, WantedKey } from '../keys/key-ring.js'

export type VerifiedPdu =
  /** `isRedacted`: its content hash was wrong, so only the redacted form is left of it. */
  | { ok: true; event: PduEvent; isRedacted: boolean }
  /** `eventId` where it can be told at all. */
  | { ok: false; reason: string; eventId?: EventId; isMalformed?: true }

/** One verdict per value, in order. Never throws. */
export type VerifyPdus = (
  values: readonly unknown[],
  rules: RoomVersionRules,
  signal?: AbortSignal,
) => Promise<VerifiedPdu[]>

const sliceMs = 10
// An event needs the signatures of at most three servers; more keys of one are not looked at.
const maxKeysPerServer = 5

export function makeVerifyPdus(needs: { keyRing: KeyRing; clock: Clock }): VerifyPdus {
  const { keyRing, clock } = needs

  function verifyOne(pdu: Pdu, rules: RoomVersionRules): VerifiedPdu & { missingKeys?: WantedKey[] } {
    const verdict = verifyPdu(pdu, rules, keyRing.find, clock.now())
    if (verdict.ok) return { ok: true, event: toPduEvent(verdict.pdu, rules), isRedacted: verdict.redacted }
    const missingKeys = verdict.missingKeys.map((key) => ({ ...key, validAt: pdu.origin_server_ts }))
    return { ok: false, reason: verdict.reason, eventId: computeEventId(pdu, rules), missingKeys }
  }

  return async function verifyPdus(values, rules, signal) {
    const pause = makePause(clock)
    const formats = []
    for (const value of values) {
      formats.push(checkPduFormat(value, rules))
      await pause()
    }
    const wanted = formats.flatMap((format) => (format.ok ? wantedKeys(format.pdu, rules, clock.now()) : []))
    await keyRing.fetch(merge(wanted), signal)
    const verdicts: VerifiedPdu[] = []
    for (const format of formats) {
      verdicts.push(format.ok ? verifyOne(format.pdu, rules) : malformed(format.reason))
      await pause()
    }
    return verdicts
  }
}

const malformed = (reason: string): VerifiedPdu => ({ ok: false, reason: `format: ${reason}`, isMalformed: true })

/** What the sender of a single event is told of it: not an event at all, or not signed as it should be. */
export const refusalOf = (verdict: (VerifiedPdu & { ok: false }) | undefined): MatrixError => {
  const message = `The event cannot be accepted: ${verdict?.reason}`
  return verdict?.isMalformed ? badJson(message) : forbidden(message)
}

/** Lets others run once this has run for a while. */
export function makePause(clock: Clock): () => Promise<void> {
  let since = clock.elapsed()
  return async () => {
    if (clock.elapsed() - since < sliceMs) return
    await setImmediate()
    since = clock.elapsed()
  }
}

function wantedKeys(pdu: Pdu, rules: RoomVersionRules, now: number): WantedKey[] {
  const validAt = rules.enforceKeyValidity ? pdu.origin_server_ts : Math.min(pdu.origin_server_ts, now)
  return requiredSigners(pdu, rules).flatMap((serverName) => {
    const keyIds = Object.keys(Object.hasOwn(pdu.signatures, serverName) ? pdu.signatures[serverName]! : {})
    const usable = keyIds.filter((keyId) => keyId.startsWith('ed25519:') && keyId.length <= 255)
    return usable.slice(0, maxKeysPerServer).map((keyId) => ({ serverName, keyId, validAt }))
  })
}

/** Each key once, with the latest time it is wanted for. */
function merge(wanted: readonly WantedKey[]): WantedKey[] {
  const byKey = new Map<string, WantedKey>()
  for (const key of wanted) {
    const id = `${key.serverName} ${key.keyId}`
    const known = byKey.get(id)
    if (!known || (key.validAt ?? 0) > (known.validAt ?? 0)) byKey.set(id, key)
  }
  return [...byKey.values()]
}
