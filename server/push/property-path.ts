/**
 * Dot-separated paths to a property of an event, as push conditions name them.
 *
 * Spec: https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths
 */

/** A dot or backslash after a backslash stands for itself; any other backslash too. */
export function parsePropertyPath(path: string): string[] {
  const segments: string[] = []
  let segment = ''
  for (let at = 0; at < path.length; at++) {
    const next = path[at + 1]
    if (path[at] === '.') {
      segments.push(segment)
      segment = ''
    } else if (path[at] === '\\' && (next === '.' || next === '\\')) {
      segment += next
      at++
    } else segment += path[at]
  }
  return [...segments, segment]
}

/** What stands at the end of the path; undefined where the event has nothing there, an inherited name for one. */
export function readProperty(root: unknown, segments: readonly string[]): unknown {
  let value = root
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, segment))
      return undefined
    value = (value as Record<string, unknown>)[segment]
  }
  return value
}
