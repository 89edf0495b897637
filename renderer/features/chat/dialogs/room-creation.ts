/**
 * What is asked of the server for a new room, a new space, or a room in a space. Pure.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#spaces
 */
import { encryptionState, type RoomCreation } from '../../../platform/matrix/rooms.js'

export type RoomWishes = {
  kind: 'room' | 'space'
  name: string
  topic: string
  /** Localpart of its address where anybody may find and join it. */
  alias: string | undefined
  /** The space that it is made in, and whether that one's members may join it without being asked. */
  within?: { spaceId: string; isOpenToMembers: boolean } | undefined
  serverName: string
  /** Of a room that not anybody may join: there would be nobody to keep it from. */
  isEncrypted: boolean
}

/** An address from a name: "Garden & Tools" → "garden-tools". */
export const addressFrom = (name: string) =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._=]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)

export const isAddress = (alias: string) => /^[A-Za-z0-9._=-]+$/.test(alias)

export function creationOf({ kind, name, topic, alias, within, serverName, isEncrypted }: RoomWishes): RoomCreation {
  const isPublic = alias !== undefined
  const state = (type: string, state_key: string, content: Record<string, unknown>) => ({ type, state_key, content })
  const allow = within && [{ type: 'm.room_membership', room_id: within.spaceId }]
  const initial_state = [
    ...(isEncrypted && !isPublic && kind === 'room' ? [encryptionState] : []),
    ...(within ? [state('m.space.parent', within.spaceId, { via: [serverName], canonical: true })] : []),
    ...(within?.isOpenToMembers && !isPublic
      ? [state('m.room.join_rules', '', { join_rule: 'restricted', allow })]
      : []),
  ]
  return {
    name: name.trim(),
    ...(topic.trim() && { topic: topic.trim() }),
    preset: isPublic ? 'public_chat' : 'private_chat',
    visibility: isPublic ? 'public' : 'private',
    ...(isPublic && { room_alias_name: alias }),
    // Nobody writes in a space: it is made of its rooms.
    ...(kind === 'space' && {
      creation_content: { type: 'm.space' },
      power_level_content_override: { events_default: 100 },
    }),
    ...(initial_state.length > 0 && { initial_state }),
  }
}
