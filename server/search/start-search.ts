/** Builds the search: its index, and how it is asked. */
import type { Clock } from '../kernel/clock.js'
import type { LaneParts } from '../live/projector/lane.js'
import type { Rooms } from '../rooms/room.js'
import type { LiveTables } from '../store/live.js'
import type { Database } from '../store/reader.js'
import type { Syncing } from '../sync/build-syncing.js'
import { makeReadPage } from '../sync/read-messages.js'
import { makeFindDocuments } from './find-documents.js'
import { makeSearch, type Search } from './search.js'
import { searchLane } from './search-lane.js'
import { makeShowResults } from './show-results.js'

type Needs = Pick<Syncing, 'visibility' | 'readAccountDataOf' | 'clientEvents'> & {
  db: Database
  live: Pick<LiveTables, 'writeLive' | 'empty'>
  rooms: Rooms
  clock: Clock
  readState: Syncing['operations']['readRoomState']
}

export function startSearch(needs: Needs): { lane: LaneParts; search: Search } {
  const readPage = makeReadPage(needs)
  return {
    lane: searchLane(needs),
    search: makeSearch({
      ...needs,
      findDocuments: makeFindDocuments(needs),
      showResults: makeShowResults({ ...needs, readPage }),
    }),
  }
}
