/**
 * What a screened query is about: the rooms it names, the ranges of events it reads. Generous: a room that is named
 * for another reason costs a look, and a range that is written in another way than the documented ones is only not made.
 */
import { RecordId, RecordIdRange } from 'surrealdb'
import type { RoomId } from '../kernel/identifiers.js'

/** Both ends inclusive. */
export type EventRange = { roomId: RoomId; from: number; to: number }

const maxRooms = 16
const maxRanges = 8
const rangeInText = /room_events\s*:\s*\[([^,\]]+),([^\]]+)\]\s*(>?)\.\.(=?)\s*\[([^,\]]+),([^\]]+)\]/g
const quoted = /^(["'])(.*)\1$/

/** Rooms among the bound values and the quoted strings. */
export function roomsIn(sql: string, bindings: Record<string, unknown>): RoomId[] {
  const found = new Set<string>()
  const look = (value: unknown): void => {
    if (found.size >= maxRooms) return
    if (typeof value === 'string') {
      if (value.startsWith('!') && value.length <= 255) found.add(value)
    } else if (Array.isArray(value)) for (const each of value.slice(0, 100)) look(each)
    else if (value instanceof RecordId) look(value.id)
    else if (value instanceof RecordIdRange) {
      look(boundOf(value.begin))
      look(boundOf(value.end))
    }
  }
  for (const value of Object.values(bindings)) look(value)
  for (const [, , text] of sql.matchAll(/(["'])(!.*?)\1/g)) look(text)
  return [...found] as RoomId[]
}

/** The room that a live query is bound to by `WHERE room_id = …`, with nothing but AND beside it; undefined for any other. */
export function roomOfLive(sql: string, bindings: Record<string, unknown>): RoomId | undefined {
  let flat = sql
  for (let before = ''; before !== flat; ) {
    before = flat
    flat = flat.replaceAll(/\([^()]*\)/g, ' ') // what stands in parentheses can only narrow it further
  }
  const [, token = ''] = /\bWHERE\s+room_id\s*={1,2}\s*(\$\w+|"[^"]*"|'[^']*')(?=\s|;|$)/i.exec(flat) ?? []
  if (!token || /\bOR\b|\|\||\?/i.test(flat)) return undefined
  const room = token.startsWith('$') ? bindings[token.slice(1)] : quoted.exec(token)?.[2]
  return typeof room === 'string' ? (room as RoomId) : undefined
}

export function rangesIn(sql: string, bindings: Record<string, unknown>): EventRange[] {
  const ranges: EventRange[] = []
  const add = (roomId: unknown, from: unknown, to: unknown) => {
    if (typeof roomId !== 'string' || ranges.length >= maxRanges) return
    if (Number.isSafeInteger(from) && Number.isSafeInteger(to))
      ranges.push({ roomId: roomId as RoomId, from: Number(from), to: Number(to) })
  }
  const read = (token: string): unknown => {
    const text = token.trim()
    if (text.startsWith('$')) return bindings[text.slice(1)]
    return quoted.exec(text)?.[2] ?? Number(text)
  }
  for (const [, room = '', from = '', , , , to = ''] of sql.matchAll(rangeInText)) add(read(room), read(from), read(to))
  for (const value of Object.values(bindings)) {
    if (value instanceof RecordIdRange && value.table.name === 'room_events') {
      const [begin, end] = [boundOf(value.begin), boundOf(value.end)]
      if (Array.isArray(begin) && Array.isArray(end)) add(begin[0], begin[1], end[1])
    } else
      for (const each of Array.isArray(value) ? value.slice(0, maxRanges) : [value])
        if (each instanceof RecordId && each.table.name === 'room_events' && Array.isArray(each.id))
          add(each.id[0], each.id[1], each.id[1])
  }
  return ranges
}

const boundOf = (bound: unknown): unknown =>
  typeof bound === 'object' && bound !== null && 'value' in bound ? bound.value : undefined
