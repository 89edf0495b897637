/**
 * Password hashing with scrypt, off the event loop (libuv's pool).
 *
 * A hash carries its own cost, so that raising the default leaves old accounts working. Few run at
 * once: each takes 32 MiB, and logins must not crowd out file access in the same pool.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Longer passwords are refused: each is hashed, and nobody types that much. In characters. */
export const maxPasswordLength = 512

type Cost = { N: number; r: number; p: number }
const scryptAsync = promisify<string, Buffer, number, Cost & { maxmem: number }, Buffer>(scrypt)

/** OWASP's recommendation of 2023 for scrypt (N=2^15, r=8, p=3), and one that only tests may use. */
const costs: Record<'default' | 'test', Cost> = { default: { N: 32768, r: 8, p: 3 }, test: { N: 16, r: 1, p: 1 } }
const keyBytes = 32
const atOnce = 2

export type PasswordHasher = {
  hash(password: string): Promise<string>
  /** Takes as long for a hash that is missing as for one that does not match. */
  matches(password: string, hash: string | undefined): Promise<boolean>
}

export function makePasswordHasher(cost: 'default' | 'test'): PasswordHasher {
  const limit = makeLimit(atOnce)
  const derive = (password: string, salt: Buffer, { N, r, p }: Cost) =>
    limit(() => scryptAsync(password.normalize('NFKC'), salt, keyBytes, { N, r, p, maxmem: 256 * N * r }))

  const hash = async (password: string) => {
    const salt = randomBytes(16)
    const key = await derive(password, salt, costs[cost])
    const { N, r, p } = costs[cost]
    return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${key.toString('base64url')}`
  }
  let decoy: Promise<string> | undefined

  return {
    hash,
    async matches(password, stored) {
      decoy ??= hash('nobody has this password')
      const parsed = parse(stored ?? (await decoy))
      const key = await derive(password, parsed.salt, parsed.cost)
      return stored !== undefined && timingSafeEqual(key, parsed.key)
    },
  }
}

function parse(stored: string): { cost: Cost; salt: Buffer; key: Buffer } {
  const [scheme, N, r, p, salt, key] = stored.split('$')
  if (scheme !== 'scrypt' || !salt || !key) throw new TypeError('a stored password hash is of an unknown kind')
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  }
}

/** At most `atOnce` of the given tasks run at a time; the others wait in order. */
function makeLimit(most: number) {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
  }
}
