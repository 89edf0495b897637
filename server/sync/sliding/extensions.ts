/**
 * What sliding sync tells besides rooms: messages to the device, keys, account data, receipts, who is typing.
 *
 * Proposal: MSC4186 (simplified sliding sync) and its extensions
 */
import type { JsonObject } from '../../events/pdu.js'
import { invalidParam, MatrixError } from '../../kernel/errors.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import { itemsSince } from '../account-data-changes.js'
import type { ReadDeviceLists } from '../device-lists.js'
import type { ReadEphemeral } from '../ephemeral.js'
import type { ReadKeyCounts } from '../key-counts.js'
import type { Receipts } from '../receipts.js'
import type { SyncContext } from '../sync-context.js'
import type { Device, ToDeviceInbox } from '../to-device-inbox.js'
import type { Typing } from '../typing.js'
import type { Extensions } from './request.js'

/** A room that is told of in this answer, with what the client has of it. */
export type ToldNow = { roomId: RoomId; context: SyncContext; isNew: boolean }

export type BuildExtensions = (request: {
  extensions: Extensions
  device: Device
  /** Its `from` is what the connection was told. */
  context: SyncContext
  /** Rooms of each list and subscription that are shown. */
  rooms: readonly ToldNow[]
  listsOf(roomId: RoomId): readonly string[]
}) => Promise<{ answer: JsonObject; hasNews: boolean }>

type Needs = {
  inbox: Pick<ToDeviceInbox, 'exchange'>
  readKeyCounts: ReadKeyCounts
  readDeviceLists: ReadDeviceLists
  readEphemeral: ReadEphemeral
  typing: Pick<Typing, 'serialOf'>
  receipts: Pick<Receipts, 'lastPosition'>
  readPushRules(userId: UserId): Promise<object>
}

export function makeBuildExtensions(needs: Needs): BuildExtensions {
  /** From memory alone: most of the rooms that are shown have none. */
  const hasEphemeralNews = (roomId: RoomId, { from, fromSerial }: SyncContext): boolean =>
    needs.typing.serialOf(roomId) > fromSerial || (needs.receipts.lastPosition(roomId) ?? 0) > (from?.position ?? 0)

  return async ({ extensions, device, context, rooms, listsOf }) => {
    const { to_device: toDevice, e2ee, account_data: accountData, receipts, typing } = extensions
    const isFor = (extension: { lists?: readonly string[]; rooms?: readonly string[] }, roomId: RoomId) =>
      (!extension.lists && !extension.rooms) ||
      extension.rooms?.some((each) => each === roomId || each === '*') ||
      extension.lists?.some((list) => list === '*' || listsOf(roomId).includes(list))
    const [messages, keys, account, ephemeral] = await Promise.all([
      toDevice?.enabled ? readToDevice(toDevice) : undefined,
      e2ee?.enabled ? readKeys() : undefined,
      accountData?.enabled ? readAccountData() : undefined,
      receipts?.enabled || typing?.enabled ? readEphemeral() : undefined,
    ])
    const answer = {
      ...(messages && { to_device: messages }),
      ...(keys && { e2ee: keys.answer }),
      ...(account && { account_data: account }),
      ...(receipts?.enabled && { receipts: { rooms: ephemeral!.receipts } }),
      ...(typing?.enabled && { typing: { rooms: ephemeral!.typing } }),
    }
    const hasNews =
      (messages?.events.length ?? 0) > 0 ||
      (keys?.hasNews ?? false) ||
      (account !== undefined && account.global.length + Object.keys(account.rooms).length > 0) ||
      (ephemeral !== undefined && Object.keys(ephemeral.receipts).length + Object.keys(ephemeral.typing).length > 0)
    return { answer: answer as JsonObject, hasNews }

    async function readToDevice({ since, limit }: { since?: string; limit?: number }) {
      const acknowledged = since === undefined ? 0 : Number(since)
      if (!Number.isSafeInteger(acknowledged) || acknowledged < 0) throw invalidParam('since is not of this server.')
      if (acknowledged > context.upTo)
        throw new MatrixError(400, 'M_UNKNOWN_POS', 'since is ahead of this server: begin anew.')
      const read = await needs.inbox.exchange(device, acknowledged, context.upTo, limit)
      return {
        next_batch: String(read.upTo ?? context.upTo),
        events: read.messages.map(({ position: _, ...event }) => event),
      }
    }

    async function readKeys() {
      const counts = await needs.readKeyCounts(device)
      const lists = context.from
        ? await needs.readDeviceLists(context.userId, context.from.position, context.upTo)
        : { changed: [], left: [] }
      const hasNews = lists.changed.length + lists.left.length > 0
      return {
        hasNews,
        answer: {
          ...(hasNews && { device_lists: lists }),
          device_one_time_keys_count: counts.oneTimeKeys,
          device_unused_fallback_key_types: counts.unusedFallbackKeys,
        },
      }
    }

    async function readAccountData() {
      const { account, from, userId } = context
      const global = itemsSince(account.global, from?.position ?? -1)
      if (!from && !account.global.has('m.push_rules'))
        global.push({ type: 'm.push_rules', content: { global: await needs.readPushRules(userId) } })
      const byRoom: Record<string, JsonObject[]> = {}
      for (const { roomId, context: own, isNew } of rooms) {
        if (!isFor(accountData!, roomId)) continue
        const items = itemsSince(account.rooms.get(roomId), isNew ? -1 : (own.from?.position ?? -1))
        if (items.length > 0) byRoom[roomId] = items
      }
      return { global, rooms: byRoom }
    }

    async function readEphemeral() {
      const found = { receipts: {} as Record<string, JsonObject>, typing: {} as Record<string, JsonObject> }
      for (const { roomId, context: own, isNew } of rooms) {
        if (!isNew && !hasEphemeralNews(roomId, own)) continue
        for (const event of await needs.readEphemeral(own, roomId, isNew)) {
          const of = event.type === 'm.receipt' ? receipts : typing
          const to = event.type === 'm.receipt' ? found.receipts : found.typing
          if (of?.enabled && isFor(of, roomId)) to[roomId] = event
        }
      }
      return found
    }
  }
}
