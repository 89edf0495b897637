/** The `filter` of a query: a room event filter as JSON text. */
import {
  emptyRoomEventFilter,
  parseFilterText,
  type RoomEventFilter,
  readRoomEventFilter,
} from '../../../sync/filter.js'

/** @throws MatrixError 400 `M_NOT_JSON`, `M_BAD_JSON` */
export const readFilterQuery = (text: string | undefined): RoomEventFilter =>
  text === undefined || text === '' ? emptyRoomEventFilter : readRoomEventFilter(parseFilterText(text))
