/**
 * Passwords for TURN servers, made from a secret that they share with this server: the server looks nothing up, it makes
 * the same password from the name, which says until when it is good.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver
 */
import { createHmac } from 'node:crypto'
import type { Clock } from '../kernel/clock.js'
import type { HomeserverConfig } from '../kernel/config.js'
import type { UserId } from '../kernel/identifiers.js'

export type TurnCredentials = { username: string; password: string; uris: string[]; ttl: number }

/** @returns undefined where no TURN server is configured; `ttl` is in seconds */
export type MakeTurnCredentials = (userId: UserId) => TurnCredentials | undefined

export function makeMakeTurnCredentials(config: HomeserverConfig['voip'], clock: Clock): MakeTurnCredentials {
  const { turn_uris: uris, turn_shared_secret: secret, turn_ttl_seconds: ttl } = config
  return (userId) => {
    if (uris.length === 0 || secret === undefined) return undefined
    const username = `${Math.floor(clock.now() / 1000) + ttl}:${userId}`
    return { username, password: createHmac('sha1', secret).update(username).digest('base64'), uris, ttl }
  }
}
