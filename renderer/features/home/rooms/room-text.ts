/** What a room is called on these pages, and who may join it. */
import { type TextKey, t } from '../../../i18n/index.js'
import type { AdminRoom } from '../admin-api.js'

export const titleOf = (room: AdminRoom) => room.name || room.canonical_alias || t('adminRooms.unnamed')

const joinRules = new Set(['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private'])
export const accessOf = (room: AdminRoom) => {
  const rule = room.join_rules ?? 'invite'
  return joinRules.has(rule) ? t(`adminRooms.join.${rule}` as TextKey) : rule
}
