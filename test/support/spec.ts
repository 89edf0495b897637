/**
 * The specification as data, where it is beside the repository: every answer a test gets is then
 * checked against it. Elsewhere the tests run without, and say so once.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const tool = resolve(import.meta.dirname, '..', '..', '..', 'shared', 'tools', 'spec-validate.mjs')

type Exchange = { method: string; url: string; status: number; body: unknown; headers: Headers }
type Outcome = { ok: boolean; errors: string[]; endpoint: string | null }

/** @returns what is wrong with an exchange; empty where nothing is, or where the specification does not know the path */
export type CheckExchange = (exchange: Exchange) => string[]

export const hasSpec = existsSync(tool)
if (!hasSpec) console.log('the specification is not beside the repository: answers are not checked against it')

export async function loadCheckExchange(): Promise<CheckExchange> {
  if (!hasSpec) return () => []
  const { validateExchange } = (await import(/* @vite-ignore */ pathToFileURL(tool).href)) as {
    validateExchange(exchange: Exchange): Outcome
  }
  return (exchange) => {
    // Its schema wants one of "an object" and "an event": no event fits, each being both.
    if (/\/state\/.*[?&]format=event\b/.test(exchange.url)) return []
    // It takes keys that name members of every object for those members.
    if (/"(__proto__|constructor|hasOwnProperty|toString|valueOf)":/.test(JSON.stringify(exchange.body) ?? ''))
      return []
    const outcome = validateExchange(exchange)
    return outcome.ok || outcome.endpoint === null ? [] : outcome.errors
  }
}
