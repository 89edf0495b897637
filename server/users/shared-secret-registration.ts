/**
 * Registration by shared secret: whoever knows the configured secret proves it with an HMAC over a
 * nonce and the new account, as Synapse's tools do.
 *
 * As Synapse: https://element-hq.github.io/synapse/latest/admin_api/register_api.html
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { randomSecret } from '../kernel/clock.js'
import { forbidden, MatrixError } from '../kernel/errors.js'

export type SharedSecretRegistration = {
  /** @throws MatrixError 400 where no secret is configured */
  makeNonce(): string
  /** Uses the nonce up. @throws MatrixError 400 for a nonce that is not known, 403 for a wrong MAC */
  check(
    account: { nonce: string; username: string; password: string; admin: boolean; userType: string | undefined },
    mac: string,
  ): void
}

const nonceLifetimeMs = 60_000

/** @param secret `registration.shared_secret`; undefined turns it off */
export function makeSharedSecretRegistration(secret: string | undefined): SharedSecretRegistration {
  const nonces = new LRUCache<string, true>({ max: 1_000, ttl: nonceLifetimeMs })
  const off = () => new MatrixError(400, 'M_UNKNOWN', 'Registration by shared secret is not enabled.')
  return {
    makeNonce() {
      if (secret === undefined) throw off()
      const nonce = randomSecret()
      nonces.set(nonce, true)
      return nonce
    },
    check({ nonce, username, password, admin, userType }, mac) {
      if (secret === undefined) throw off()
      if (!nonces.delete(nonce)) throw new MatrixError(400, 'M_UNKNOWN', 'The nonce is not known.')
      const parts = [nonce, username, password, admin ? 'admin' : 'notadmin', ...(userType ? [userType] : [])]
      const wanted = createHmac('sha1', secret).update(parts.join('\0')).digest()
      const given = Buffer.from(/^[0-9a-f]{40}$/i.test(mac) ? mac : '', 'hex')
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw forbidden('The MAC is wrong.')
    },
  }
}
