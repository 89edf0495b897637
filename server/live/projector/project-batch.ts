/**
 * Turns a run of works into the writes of one transaction.
 *
 * Order in it matters to live queries, whose permissions are judged row by row as they are written: members
 * first, so that who joined sees the event of their joining, and who was removed sees nothing after it.
 */
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import type { Logger } from '../../kernel/logger.js'
import type { Room, Rooms } from '../../rooms/room.js'
import type { Reader } from '../../store/reader.js'
import type { Write } from '../../store/writes.js'
import { eventRow, type ReadEvents, readEventsOf, readRoomsOf, successorRow } from './project-events.js'
import { isPowerLevels, MemberChanges, type MemberProjection } from './project-members.js'
import { accountDataWrites, receiptWrites } from './project-receipts.js'
import type { SummaryProjection } from './project-summaries.js'
import { summaryAccountData, type UserFactsReader } from './user-facts.js'
import type { ReadVisibility } from './visibility.js'
import type { Work } from './work.js'

export type BatchNeeds = {
  db: Reader
  rooms: Pick<Rooms, 'get' | 'readEvents'>
  members: MemberProjection
  summaries: SummaryProjection
  userFacts: UserFactsReader
  readVisibility: ReadVisibility
  isLocal(userId: UserId): boolean
  logger: Logger
}

export type Batch = { writes: Write[]; members: MemberChanges; rooms: ReadonlySet<RoomId> }

type Reads = { rooms: ReadonlyMap<RoomId, Room>; events: ReadEvents }

/** A work that fails is logged and left out: one bad room must not stop the others. */
export async function projectBatch(needs: BatchNeeds, works: readonly Work[]): Promise<Batch> {
  const reads = await readFor(needs, works)
  const members = new MemberChanges()
  const events: Write[] = []
  for (const work of works) {
    try {
      await projectMembers(needs, work, reads, members)
      const row = await projectEvent(needs, work, reads)
      if (row) events.push(row)
      const successor = await projectSuccessor(needs, work, reads)
      if (successor) events.push(successor)
      mark(needs, work)
    } catch (error) {
      needs.logger.error({ err: error, position: work.position, kind: work.kind }, 'a change could not be projected')
    }
  }
  const receipts = works.filter((work) => work.kind === 'receipt')
  const accountData = works.filter((work) => work.kind === 'account_data')
  const rest = [...(await receiptWrites(needs.db, receipts)), ...(await accountDataWrites(needs.db, accountData))]
  return {
    members,
    writes: [...rest, ...events],
    rooms: new Set(works.flatMap((work) => (work.roomId ? [work.roomId] : []))),
  }
}

async function readFor({ rooms }: BatchNeeds, works: readonly Work[]): Promise<Reads> {
  const ofRooms = works.filter((work) => work.kind === 'event' || work.kind === 'state' || work.kind === 'redaction')
  const eventIds = ofRooms.flatMap((work) => (work.kind === 'state' ? [] : [work.eventId]))
  return {
    rooms: await readRoomsOf(
      rooms,
      ofRooms.map(({ roomId }) => roomId),
    ),
    events: await readEventsOf(rooms, eventIds),
  }
}

async function projectMembers(
  { members }: BatchNeeds,
  work: Work,
  { rooms, events }: Reads,
  changes: MemberChanges,
): Promise<void> {
  if (work.kind === 'membership') return members.projectOutside(work.roomId, work.userId, work.position, changes)
  const room = work.kind === 'event' || work.kind === 'state' ? rooms.get(work.roomId) : undefined
  if (!room) return
  if (work.kind === 'state') return members.projectState(room, work.position, changes)
  if (work.kind !== 'event' || !work.isCurrentState) return
  if (isPowerLevels(work.type, work.stateKey)) return members.projectState(room, work.position, changes)
  const event = work.type === 'm.room.member' ? events.get(work.eventId) : undefined
  if (event) await members.projectEvent(room, event, work.position, changes)
}

async function projectEvent(needs: BatchNeeds, work: Work, { rooms, events }: Reads): Promise<Write | undefined> {
  if (work.kind !== 'event' && work.kind !== 'redaction') return undefined
  const room = rooms.get(work.roomId)
  if (!room) return undefined
  const { eventId, position } = work
  return eventRow(needs, room, work.kind === 'event' ? work : { eventId, position }, events)
}

async function projectSuccessor(needs: BatchNeeds, work: Work, { rooms, events }: Reads): Promise<Write | undefined> {
  const room = work.kind === 'redaction' ? rooms.get(work.roomId) : undefined
  const redacted = work.kind === 'redaction' ? events.get(work.eventId) : undefined
  return room && redacted && successorRow(needs, room, redacted, work.position)
}

/** Which lines of the room list have to be made anew. */
function mark({ summaries, userFacts, isLocal }: BatchNeeds, work: Work): void {
  switch (work.kind) {
    case 'event':
      summaries.markRoom(work.roomId, work.position)
      if (work.type === 'm.room.member' && work.stateKey && isLocal(work.stateKey as UserId))
        summaries.markLine(work.stateKey as UserId, work.roomId, work.position)
      return
    case 'redaction':
      summaries.forgetLastEvent(work.roomId)
      summaries.markRoom(work.roomId, work.position)
      return
    case 'state':
      summaries.markRoom(work.roomId, work.position)
      return
    case 'membership':
      summaries.markLine(work.userId, work.roomId, work.position)
      return
    case 'receipt':
      if (isLocal(work.userId)) summaries.markLine(work.userId, work.roomId, work.position)
      return
    case 'account_data':
      markAccountData(summaries, userFacts, work)
  }
}

function markAccountData(
  summaries: SummaryProjection,
  userFacts: UserFactsReader,
  { userId, roomId, type, position }: Extract<Work, { kind: 'account_data' }>,
): void {
  if (!summaryAccountData.has(type)) return
  userFacts.forget(userId)
  if (roomId) summaries.markLine(userId, roomId, position)
  else summaries.markUser(userId, position)
}
