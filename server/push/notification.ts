/**
 * What a push gateway is told of an event, and of how many are unread.
 *
 * Spec: https://spec.matrix.org/v1.19/push-gateway-api/#post_matrixpushv1notify
 */
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { PusherRow } from '../store/pusher-store.js'
import type { PushAction } from './default-push-rules.js'
import type { Pusher } from './pushers.js'

/** The event with what is told of its room. */
export type Told = {
  eventId: string
  roomId: string
  type: string
  sender: string
  content: JsonObject
  /** Of a state event. */
  stateKey?: string | undefined
  senderDisplayName?: string | undefined
  roomName?: string | undefined
  roomAlias?: string | undefined
}

export function buildNotification(
  userId: string,
  row: PusherRow,
  unread: number,
  event?: { told: Told; actions: readonly PushAction[] },
): JsonObject {
  const { data = {} } = JSON.parse(row.pusher) as Pusher
  const { url: _, ...rest } = data
  const tweaks = tweaksIn(event?.actions ?? [])
  const isShort = data.format === 'event_id_only'
  const device = {
    ...{ app_id: row.app_id, pushkey: row.pushkey, pushkey_ts: Math.floor(row.set_at / 1000), data: rest },
    ...(event && !isShort && { tweaks }),
  }
  return {
    notification: {
      ...(event && describe(userId, event.told, isShort)),
      ...(event && { prio: isUrgent(event.told, tweaks) ? 'high' : 'low' }),
      counts: unread > 0 ? { unread } : {},
      devices: [device],
    },
  }
}

function describe(userId: string, told: Told, isShort: boolean): JsonObject {
  const ids = { event_id: told.eventId, room_id: told.roomId }
  if (isShort) return ids
  const { senderDisplayName, roomName, roomAlias } = told
  return {
    ...{ ...ids, type: told.type, sender: told.sender, content: told.content },
    ...(senderDisplayName !== undefined && { sender_display_name: senderDisplayName }),
    ...(roomName !== undefined && { room_name: roomName }),
    ...(roomAlias !== undefined && { room_alias: roomAlias }),
    ...(told.type === 'm.room.member' && { user_is_target: told.stateKey === userId }),
  }
}

/** A tweak without a value is on. */
export function tweaksIn(actions: readonly PushAction[]): JsonObject {
  const tweaks: [string, unknown][] = []
  for (const action of actions)
    if (isJsonObject(action) && typeof action.set_tweak === 'string')
      tweaks.push([action.set_tweak, action.value === undefined ? true : action.value])
  return Object.fromEntries(tweaks)
}

/** What makes a sound or stands out; and what is encrypted, since only the device knows which it is. */
const isUrgent = ({ type }: Told, { highlight, sound }: JsonObject): boolean =>
  type === 'm.room.encrypted' || (highlight !== undefined && highlight !== false) || sound !== undefined
