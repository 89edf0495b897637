/**
 * How much each user may keep in uploads (`media.user_quota_bytes`).
 *
 * What is on its way counts as well: each upload reserves what it may become, so that many at once are not more than
 * one after the other. Nothing is reserved while the sum is read, or what was stored meanwhile would be in neither.
 */
import { forbidden, MatrixError } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'

/**
 * Runs an upload within the user's quota.
 *
 * @param declaredBytes what the client says it is; undefined where it does not
 * @param receive takes the largest size in bytes; its refusal of more (413) becomes that of the quota where that is what it hit
 * @throws MatrixError 403 `M_FORBIDDEN`, as the spec wants it of a quota
 */
export type WithinQuota = <Result>(
  uploader: UserId,
  declaredBytes: number | undefined,
  receive: (maxBytes: number) => Promise<Result>,
) => Promise<Result>

type Needs = {
  maxUploadBytes: number
  /** Undefined: no quota. */
  quotaBytes: number | undefined
  readUploadedBytes(uploader: UserId): Promise<number>
}

const usedUp = () => forbidden('Your uploads would be more than this server keeps for each user.')

export function makeWithinQuota({ maxUploadBytes, quotaBytes, readUploadedBytes }: Needs): WithinQuota {
  if (quotaBytes === undefined) return (_uploader, _declared, receive) => receive(maxUploadBytes)
  const locked = makeKeyedLock()
  const reserved = new Map<UserId, number>()
  const change = (uploader: UserId, bytes: number) => {
    const sum = (reserved.get(uploader) ?? 0) + bytes
    if (sum === 0) reserved.delete(uploader)
    else reserved.set(uploader, sum)
  }

  /** @returns how much was reserved */
  const reserve = (uploader: UserId, declaredBytes: number | undefined) =>
    locked(uploader, async () => {
      const underWay = reserved.get(uploader) ?? 0
      const left = quotaBytes - underWay - (await readUploadedBytes(uploader))
      const wanted = declaredBytes ?? Math.min(maxUploadBytes, Math.max(1, left))
      if (wanted > left) throw usedUp()
      change(uploader, wanted)
      return wanted
    })

  return async (uploader, declaredBytes, receive) => {
    const granted = await reserve(uploader, declaredBytes)
    try {
      return await receive(Math.min(granted, maxUploadBytes))
    } catch (error) {
      const hitQuota = granted < maxUploadBytes && error instanceof MatrixError && error.status === 413
      throw hitQuota ? usedUp() : error
    } finally {
      change(uploader, -granted)
    }
  }
}
