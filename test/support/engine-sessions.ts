/** Bare engine sessions and notifications, for tests that show what the engine itself does. */
import { exportSPKI, generateKeyPair, SignJWT } from 'jose'
import type { Uuid } from 'surrealdb'
import { codec, newUuid } from '../../server/store/rpc.js'
import type { TestDatabase } from './database.js'

/** A session that has authenticated as nobody. */
export async function attachSession(db: TestDatabase): Promise<{ session: Uuid }> {
  const scope = { session: newUuid() }
  await db.root.call('attach', [], scope)
  await db.root.call('use', ['matrix', 'homeserver'], scope)
  return scope
}

export type Notification = { id: unknown; action: string; record: unknown; result: Record<string, unknown> }

/** Everything that is notified from now on, whoever subscribed. */
export function notificationsOf(db: TestDatabase): Notification[] {
  const heard: Notification[] = []
  db.engine.onNotification((frame) => heard.push(codec.decode<Notification>(frame)))
  return heard
}

/**
 * Defines the record access `trap` and returns a way to make its tokens.
 *
 * @param duration how long the engine keeps a session of it, e.g. `1s`
 */
export async function defineTrapAccess(db: TestDatabase, duration: string) {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  await db.query(
    `DEFINE ACCESS trap ON DATABASE TYPE RECORD WITH JWT ALGORITHM EDDSA KEY "${await exportSPKI(publicKey)}"
     DURATION FOR SESSION ${duration}`,
  )
  return (id: string, claims: object = {}) =>
    new SignJWT({ NS: 'matrix', DB: 'homeserver', AC: 'trap', ID: id, ...claims })
      .setProtectedHeader({ alg: 'EdDSA' })
      .setExpirationTime('1h')
      .sign(privateKey)
}

/** Long enough for a notification that is under way to arrive. */
export const settle = () => new Promise((resolve) => setTimeout(resolve, 60))
