/** Rooms with holes in their history, without other servers: what was said elsewhere and never came here. */
import type { PduEvent } from '../../server/events/pdu.js'
import type { EventId, RoomId } from '../../server/kernel/identifiers.js'
import type { EventDraft, Signer } from '../../server/rooms/build-event.js'
import { outlierWrite } from '../../server/rooms/import-room.js'
import type { makeInsertHistory } from '../../server/rooms/insert-history.js'
import type { Room } from '../../server/rooms/room.js'
import type { RoomsForWriting } from '../../server/rooms/rooms.js'
import { toExtremity } from '../../server/rooms/snapshot.js'
import type { TestRooms } from './rooms.js'
import { buildOn, idsOf, withEvent } from './views.js'

type Origin = { rooms: Pick<RoomsForWriting, 'get' | 'readCurrent'>; signer: Signer }

/** Events on top of the room, each on the one before, and the room as it is after them for who has them. */
export async function prepareChain(
  { rooms, signer }: Origin,
  roomId: RoomId,
  drafts: readonly EventDraft[],
): Promise<{ events: PduEvent[]; after: Room }> {
  let after = (await rooms.get(roomId))!
  const events: PduEvent[] = []
  for (const draft of drafts) {
    const event = await buildOn(rooms, after, draft, signer)
    events.push(event)
    if (event.pdu.state_key !== undefined) after = { ...after, ...(await withEvent(rooms, after, event)) }
    after = { ...after, extremities: [toExtremity(event, after.node, after.rules)] }
  }
  return { events, after }
}

/** Accepts the last of the events above the hole that the others leave. @returns the name of the new segment */
export async function leaveHole(
  hs: Pick<TestRooms, 'rooms' | 'signer' | 'acceptPdu'>,
  roomId: RoomId,
  drafts: readonly EventDraft[],
): Promise<{ missed: PduEvent[]; news: PduEvent; origin: number; stateBefore: Map<string, EventId> }> {
  const room = (await hs.rooms.get(roomId))!
  const { events, after } = await prepareChain(hs, roomId, drafts)
  const news = events.at(-1)!
  const missed = events.slice(0, -1)
  const stateBefore = await idsOf(hs.rooms, after)
  for (const event of missed) if (event.pdu.state_key !== undefined) await keepOutlier(hs.rooms, event)
  const outcome = await hs.acceptPdu(roomId, news, { stateBefore })
  if (outcome.status !== 'accepted') throw new Error(`the event above the hole is ${outcome.status}`)
  const origin = (await hs.rooms.get(roomId))!.segments.at(-1)!.origin
  return { missed, news, origin, stateBefore: await idsOf(hs.rooms, room) }
}

async function keepOutlier(rooms: RoomsForWriting, event: PduEvent): Promise<void> {
  const { rules } = (await rooms.get(event.roomId))!
  await rooms.db.commit(() => ({ writes: [outlierWrite(event, rules)], changes: [], result: undefined }))
}

/** As in a room joined over federation: what the oldest event here stands on is not here. */
export const forgetBeginning = (rooms: RoomsForWriting, roomId: RoomId, ends: readonly EventId[]) =>
  rooms.write(roomId, async (tx) => {
    if (!tx.tip) return
    tx.stage(tx.tip, (_, timeline) => {
      const [first, ...others] = timeline.segments
      const segments = [{ ...first!, below: 'unknown' as const, ends }, ...others]
      return { writes: [], changes: [], timeline: { ...timeline, segments, historyComplete: false } }
    })
  })

/** What other servers would tell of these events. */
export const toldAs = (
  origin: number,
  events: readonly PduEvent[],
): Parameters<ReturnType<typeof makeInsertHistory>>[1] => ({
  origin,
  events,
  passedOver: new Map(),
})
