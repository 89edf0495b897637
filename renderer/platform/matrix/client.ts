/** The Matrix client: every write of this page, as any other client would make it. Reads come by `renderer/live/`. */
import { makeAccount } from './account.js'
import { makeEvents } from './events.js'
import type { MatrixHttp } from './http.js'
import { makeMedia } from './media.js'
import { makeRooms } from './rooms.js'

export function makeMatrixClient(http: MatrixHttp) {
  return { http, ...makeRooms(http), ...makeEvents(http), ...makeAccount(http), media: makeMedia(http) }
}

export type MatrixClient = ReturnType<typeof makeMatrixClient>
