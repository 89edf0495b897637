/**
 * The two hashes of an event: the content hash, which shows that nothing was changed, and the
 * reference hash over the redacted form, by which later events and (from room version 3) the event
 * ID name it.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event
 */

import { createHash } from 'node:crypto'
import { carrySpellings } from '../kernel/spelled-numbers.js'
import { withoutPadding } from './base64.js'
import { canonicalJson } from './canonical-json.js'
import type { JsonObject } from './pdu.js'
import { redactPdu } from './redaction.js'
import type { RoomVersionRules } from './room-versions.js'

/**
 * Content hash of an event, whatever its `hashes` claims: unpadded base64, as in `hashes.sha256`.
 * Not strict: events of versions 1–5 have one too, and the format check has judged the others.
 */
export function contentHash(pdu: JsonObject): string {
  const { unsigned: _u, signatures: _s, hashes: _h, ...hashed } = pdu
  return withoutPadding(
    createHash('sha256')
      .update(canonicalJson(carrySpellings(pdu, hashed), { strict: false }))
      .digest('base64'),
  )
}

/** The canonical JSON that is signed, and whose SHA-256 is the reference hash. */
export function signedJson(pdu: JsonObject, rules: RoomVersionRules): string {
  const { unsigned: _u, signatures: _s, ...signed } = redactPdu(pdu, rules)
  return canonicalJson(carrySpellings(pdu, signed), { strict: false })
}

/** Reference hash of an event: 32 bytes. */
export function referenceHash(pdu: JsonObject, rules: RoomVersionRules): Buffer {
  return createHash('sha256').update(signedJson(pdu, rules)).digest()
}
