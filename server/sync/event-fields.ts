/**
 * Takes the members out of an event that a filter's `event_fields` names.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'

/** `content.body` → ['content', 'body']; a backslash before a dot or a backslash takes it as it is. */
export function parsePropertyPath(path: string): string[] {
  const parts: string[] = []
  let part = ''
  for (let at = 0; at < path.length; at++) {
    const char = path[at]
    const next = path[at + 1]
    if (char === '\\' && (next === '.' || next === '\\')) {
      part += next
      at++
    } else if (char === '.') {
      parts.push(part)
      part = ''
    } else part += char
  }
  return [...parts, part]
}

export function pickFields(event: JsonObject, paths: readonly (readonly string[])[]): JsonObject {
  const picked: Record<string, unknown> = {}
  for (const path of paths) copyPath(event, path, picked)
  return picked
}

function copyPath(from: JsonObject, [key, ...rest]: readonly string[], to: Record<string, unknown>): void {
  if (key === undefined || !Object.hasOwn(from, key)) return
  const value = from[key]
  if (rest.length === 0) {
    to[key] = value
    return
  }
  if (!isJsonObject(value)) return
  const inner: Record<string, unknown> = isJsonObject(to[key]) ? { ...(to[key] as JsonObject) } : {}
  copyPath(value, rest, inner)
  to[key] = inner
}
