/**
 * Rule `member.third-party-invite`: an invite to a person who was known by an address only. An
 * identity server vouches for the link between address and user; its signature counts in place of
 * the inviter's being in the room.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#third-party-invites
 */
import { isJsonObject, type JsonObject, type PduEvent } from '../pdu.js'
import { verifyJson } from '../signatures.js'
import type { AuthState } from './auth-state.js'
import { allowIf, reject, type Verdict } from './verdict.js'

const rule = 'member.third-party-invite'

export function checkThirdPartyInvite({ pdu }: PduEvent, target: string, state: AuthState): Verdict {
  if (state.membershipOf(target) === 'ban') return reject(rule, 'the user is banned')
  const invite = pdu.content.third_party_invite
  const signed = isJsonObject(invite) ? invite.signed : undefined
  if (!isJsonObject(signed)) return reject(rule, 'third_party_invite is not signed')
  if (typeof signed.mxid !== 'string' || typeof signed.token !== 'string')
    return reject(rule, 'signed has no mxid or no token')
  if (signed.mxid !== target) return reject(rule, 'signed is for another user')
  const origin = state.get('m.room.third_party_invite', signed.token)
  if (!origin) return reject(rule, 'the room has no such third-party invite')
  if (origin.pdu.sender !== pdu.sender) return reject(rule, 'the third-party invite is of another sender')
  return allowIf(isSignedByOneOf(signed, publicKeysIn(origin.pdu.content)), rule, 'no signature of signed verifies')
}

/** Keys that may vouch, from the `m.room.third_party_invite` event. At most 50 are looked at: each costs a verification. */
function publicKeysIn(content: JsonObject): string[] {
  const entries = Array.isArray(content.public_keys) ? content.public_keys : []
  const keys = [content.public_key, ...entries.map((entry) => (isJsonObject(entry) ? entry.public_key : undefined))]
  return keys.filter((key) => typeof key === 'string').slice(0, 50)
}

function isSignedByOneOf(signed: JsonObject, publicKeys: string[]): boolean {
  if (!isJsonObject(signed.signatures)) return false
  for (const [server, ofServer] of Object.entries(signed.signatures)) {
    if (!isJsonObject(ofServer)) continue
    for (const keyId of Object.keys(ofServer)) {
      if (!keyId.startsWith('ed25519:')) continue
      if (publicKeys.some((publicKey) => verifyJson(signed, server, keyId, publicKey))) return true
    }
  }
  return false
}
