/**
 * How a live row names the sending it came from, so that the sender's device finds its echo: base64url
 * of SHA-256 of `<sid>|<transaction ID>`.
 */

/** @returns undefined where it cannot be computed: a page over plain HTTP from another machine has no Web Crypto */
export async function hashTxn(sid: string | undefined, txnId: string): Promise<string | undefined> {
  if (!sid || !globalThis.crypto?.subtle) return undefined
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(`${sid}|${txnId}`))
  const binary = String.fromCharCode(...new Uint8Array(digest))
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}
