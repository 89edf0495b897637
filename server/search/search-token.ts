/**
 * Tokens of a search: `q1_<offset>_<position>`, and what group of results it goes on with. What came after the position is not part of the
 * search, so that pages do not shift.
 */
import { invalidParam } from '../kernel/errors.js'

/** As the spec names what results are grouped by. */
export const groupKinds = { room: 'room_id', sender: 'sender' } as const
export type Group = { kind: (typeof groupKinds)[keyof typeof groupKinds]; id: string }
export type SearchToken = { offset: number; asOf: number; group?: Group }

const pattern = /^q1_(\d{1,6})_(\d{1,16})(?:_(room_id|sender)_([A-Za-z0-9_-]{1,700}))?$/

export const formatToken = ({ offset, asOf, group }: SearchToken): string =>
  `q1_${offset}_${asOf}${group ? `_${group.kind}_${Buffer.from(group.id).toString('base64url')}` : ''}`

/** @returns undefined for none. @throws MatrixError 400 `M_INVALID_PARAM` */
export function parseToken(text: string | undefined): SearchToken | undefined {
  if (text === undefined) return undefined
  const [, offset, asOf, kind, id] = pattern.exec(text) ?? []
  if (offset === undefined || asOf === undefined) throw invalidParam('next_batch is not a token of a search')
  const group = kind && id ? { kind: kind as Group['kind'], id: Buffer.from(id, 'base64url').toString() } : undefined
  return { offset: Number(offset), asOf: Number(asOf), ...(group && { group }) }
}
