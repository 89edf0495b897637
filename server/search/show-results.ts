/** Results of a search as the client gets them: each with what was said around it, and the state of their rooms where it wants that. */
import { isIgnored } from '../events/ignored-users.js'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import type { Rooms, TimelineEvent } from '../rooms/room.js'
import type { ReadAccountDataOf } from '../sync/account-data-changes.js'
import type { ClientEvents, VisibleEvent } from '../sync/client-events.js'
import { formatGap } from '../sync/pagination-token.js'
import type { ReadPage } from '../sync/read-messages.js'
import type { ReadState } from '../sync/read-state.js'
import type { Visibility } from '../sync/visibility.js'
import type { ContextQuery, Result, SearchQuery } from './search.js'

type Needs = {
  rooms: Pick<Rooms, 'readStateEntryAt'>
  visibility: Pick<Visibility, 'readAccess'>
  clientEvents: ClientEvents
  /** Of what is here: a search asks no other server. */
  readPage: ReadPage
  readState: ReadState['readState']
  readAccountDataOf: ReadAccountDataOf
}
type Reader = Pick<SearchQuery, 'userId' | 'sid' | 'context' | 'includeState'>

export type ShowResults = (
  reader: Reader,
  page: readonly Result[],
) => Promise<{ results: JsonObject[]; state?: JsonObject }>

const maxContext = 25

export function makeShowResults(needs: Needs): ShowResults {
  const { rooms, clientEvents } = needs

  async function profileOf(event: TimelineEvent, sender: UserId): Promise<JsonObject> {
    const member = await rooms.readStateEntryAt(event.roomId, event.node, 'm.room.member', sender)
    const { displayname, avatar_url } = member?.pdu.content ?? {}
    return {
      ...(typeof displayname === 'string' && { displayname }),
      ...(typeof avatar_url === 'string' && avatar_url.startsWith('mxc://') && { avatar_url }),
    }
  }

  async function profilesOf(around: readonly VisibleEvent[], at: TimelineEvent): Promise<JsonObject> {
    const senders = [...new Set(around.map(({ event }) => event.pdu.sender))]
    const profiles = await Promise.all(senders.map(async (sender) => [sender, await profileOf(at, sender)] as const))
    return Object.fromEntries(profiles)
  }

  async function contextOf(
    { userId, sid }: Reader,
    wanted: ContextQuery,
    { room, shown }: Result,
  ): Promise<JsonObject> {
    const access = await needs.visibility.readAccess(userId, room.roomId)
    if (!access) return {}
    const { ignored } = await needs.readAccountDataOf(userId)
    const { seq } = shown.event
    const page = { access, userId, to: undefined, wants: ({ pdu }: TimelineEvent) => !isIgnored(ignored, pdu) }
    const most = (limit: number) => Math.min(limit, maxContext)
    const before = await needs.readPage({ ...page, direction: 'b', from: seq, limit: most(wanted.before) })
    const after = await needs.readPage({ ...page, direction: 'f', from: seq + 1, limit: most(wanted.after) })
    const view = { userId, sid, omitRoomId: false }
    const around = [...before.events, shown, ...after.events]
    return {
      start: formatGap(before.next ?? before.events.at(-1)?.event.seq ?? seq),
      end: formatGap(after.next ?? (after.events.at(-1)?.event.seq ?? seq) + 1),
      events_before: await clientEvents.ofTimeline(access.room, before.events, view),
      events_after: await clientEvents.ofTimeline(access.room, after.events, view),
      ...(wanted.withProfiles && { profile_info: await profilesOf(around, shown.event) }),
    }
  }

  async function statesOf(reader: Reader, page: readonly Result[]): Promise<JsonObject> {
    const states: Record<string, JsonObject[]> = {}
    for (const roomId of new Set(page.map(({ room }): RoomId => room.roomId))) {
      const access = await needs.visibility.readAccess(reader.userId, roomId)
      if (access && access.kind !== 'invited') states[roomId] = await needs.readState({ ...reader, roomId })
    }
    return states
  }

  return async (reader, page) => {
    const { userId, sid, context } = reader
    const results: JsonObject[] = []
    for (const result of page) {
      const [event] = await clientEvents.ofTimeline(result.room, [result.shown], { userId, sid, omitRoomId: false })
      results.push({
        rank: result.rank,
        result: isJsonObject(event) ? event : {},
        ...(context && { context: await contextOf(reader, context, result) }),
      })
    }
    return { results, ...(reader.includeState && { state: await statesOf(reader, page) }) }
  }
}
