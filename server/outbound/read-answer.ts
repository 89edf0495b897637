/** What every answer over HTTP is read by, whoever gave it. */

type Headers<Value> = Record<string, Value | undefined>

/** A header that came several times is joined, as HTTP means it. */
export const flattenHeaders = (headers: Headers<string | string[]>): Headers<string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )

/** Undefined for what is no JSON. */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
