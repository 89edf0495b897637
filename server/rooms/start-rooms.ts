/** Builds the rooms and every operation on them, each under the name by which endpoints take it. */
import type { RemoteQueries } from '../federation/remote-queries.js'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import { together } from '../kernel/together.js'
import { makeForgetTransactionIds } from './forget-transaction-ids.js'
import { makeListRooms } from './list-rooms.js'
import { makeReadOpenRooms } from './open-rooms.js'
import type { PublicRoomsQuery } from './public-rooms.js'
import { makeRoomOperations, type RoomNeeds } from './room-operations.js'
import { makeTransactionIds } from './transaction-ids.js'

type Needs = RoomNeeds & {
  clock: Clock
  remote: Pick<RemoteQueries, 'queryPublicRooms'>
}

export async function startRooms(needs: Needs) {
  const { db, clock, remote } = needs
  const operations = await makeRoomOperations(needs)
  const { rooms } = operations
  const transactionIds = makeTransactionIds(db, clock)
  return {
    rooms,
    /** What federation works with. */
    connections: operations,
    readOpenRooms: makeReadOpenRooms({ db, rooms }),
    forgetTransactionIdsOf: transactionIds.forgetDevice,
    forgetTransactionIds: makeForgetTransactionIds({ db, clock }),
    operations: together({
      operations,
      lists: makeListRooms({ db, rooms }),
      own: {
        sharedRooms: rooms.sharedRooms,
        membershipsOf: rooms.membershipsOf,
        oncePerTxn: transactionIds.oncePerTxn,
        queryRemotePublicRooms: (server: ServerName, query: PublicRoomsQuery) =>
          remote.queryPublicRooms(server, { limit: query.limit, since: query.since, filter: directoryFilter(query) }),
      },
    }),
  }
}

const directoryFilter = ({ searchTerm, roomTypes }: PublicRoomsQuery) => ({
  ...(searchTerm === undefined ? {} : { generic_search_term: searchTerm }),
  ...(roomTypes === undefined ? {} : { room_types: roomTypes }),
})
