/** The endpoints of /sync and of reading rooms, with typing, receipts and presence. */

import { slidingSyncEndpoint } from '../unstable/sliding-sync/sliding-sync.js'
import { getRelatingEventsEndpoint } from './event-relationships/get-relating-events.js'
import { getRelatingEventsWithRelTypeEndpoint } from './event-relationships/get-relating-events-with-rel-type.js'
import { getRelatingEventsWithRelTypeAndEventTypeEndpoint } from './event-relationships/get-relating-events-with-rel-type-and-event-type.js'
import { getPresenceEndpoint } from './presence/get-presence.js'
import { setPresenceEndpoint } from './presence/set-presence.js'
import { setReadMarkerEndpoint } from './read-markers/set-read-marker.js'
import { getEventByTimestampEndpoint } from './room-participation/get-event-by-timestamp.js'
import { getEventContextEndpoint } from './room-participation/get-event-context.js'
import { getEventsEndpoint } from './room-participation/get-events.js'
import { getJoinedMembersByRoomEndpoint } from './room-participation/get-joined-members-by-room.js'
import { getMembersByRoomEndpoint } from './room-participation/get-members-by-room.js'
import { getOneEventEndpoint } from './room-participation/get-one-event.js'
import { getOneRoomEventEndpoint } from './room-participation/get-one-room-event.js'
import { getRoomEventsEndpoint } from './room-participation/get-room-events.js'
import { getRoomStateEndpoint } from './room-participation/get-room-state.js'
import { getRoomStateWithKeyEndpoint } from './room-participation/get-room-state-with-key.js'
import { initialSyncEndpoint } from './room-participation/initial-sync.js'
import { postReceiptEndpoint } from './room-participation/post-receipt.js'
import { roomInitialSyncEndpoint } from './room-participation/room-initial-sync.js'
import { setTypingEndpoint } from './room-participation/set-typing.js'
import { syncEndpoint } from './room-participation/sync.js'
import { searchEndpoint } from './server-side-search/search.js'
import { getThreadRootsEndpoint } from './threads/get-thread-roots.js'

export const readingEndpoints = [
  syncEndpoint,
  slidingSyncEndpoint,
  getRoomEventsEndpoint,
  getEventContextEndpoint,
  getOneRoomEventEndpoint,
  getEventByTimestampEndpoint,
  getRoomStateEndpoint,
  getRoomStateWithKeyEndpoint,
  getMembersByRoomEndpoint,
  getJoinedMembersByRoomEndpoint,
  setTypingEndpoint,
  postReceiptEndpoint,
  setReadMarkerEndpoint,
  getPresenceEndpoint,
  setPresenceEndpoint,
  getRelatingEventsEndpoint,
  getRelatingEventsWithRelTypeEndpoint,
  getRelatingEventsWithRelTypeAndEventTypeEndpoint,
  getThreadRootsEndpoint,
  searchEndpoint,
  getEventsEndpoint,
  getOneEventEndpoint,
  initialSyncEndpoint,
  roomInitialSyncEndpoint,
] as const
