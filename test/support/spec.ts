/** Every answer that a test gets over HTTP is checked against the specification's schemas. */
import { validator } from './spec/spec-validate.mjs'

type Exchange = { method: string; url: string; status: number; body: unknown; headers: Headers }

/** @returns what is wrong with an exchange; empty where nothing is, or where the specification does not know the path */
export function checkExchange(exchange: Exchange): string[] {
  // Its schema wants one of "an object" and "an event": no event fits, each being both.
  if (/\/state\/.*[?&]format=event\b/.test(exchange.url)) return []
  // It takes keys that name members of every object for those members.
  if (/"(__proto__|constructor|hasOwnProperty|toString|valueOf)":/.test(JSON.stringify(exchange.body) ?? '')) return []
  // Its text asks for user-interactive authentication, and its list of answers forgets the challenge.
  if (exchange.status === 401 && /\/keys\/device_signing\/upload/.test(exchange.url)) return []
  // Parts of a file are HTTP's own, which the specification leaves to it.
  if ((exchange.status === 206 || exchange.status === 416) && /\/media\/download\//.test(exchange.url)) return []
  const outcome = validator().validateExchange(exchange)
  return outcome.ok || outcome.endpoint === null ? [] : outcome.errors
}
