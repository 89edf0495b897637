/** Why the bridge closes a channel: WebSocket close codes, the same over a MessagePort. `docs/live-api.md` lists them. */
export const closeCodes = {
  /** Frames that are no requests. */
  badFrame: 1003,
  /** The server ends or restarts: connect again. */
  restart: 1012,
  /** No token in time, a refused token, or one that expired: get a new one. */
  expired: 4401,
  /** The login session ended: logout, device deletion, password change, deactivation, lock. */
  loggedOut: 4403,
  /** The other side does not read what is sent. */
  tooSlow: 4408,
  /** Too many channels, requests, live queries or slow queries. */
  limits: 4429,
} as const

export const liveLimits = {
  channels: 64,
  /** Of those, channels that have not authenticated yet. */
  unauthenticatedChannels: 32,
  channelsPerUser: 16,
  /** Sessions of the SDK (`newSession`) on one channel. */
  sessionsPerChannel: 4,
  liveQueriesPerChannel: 8,
  /** Queries of one user that run at once; one per channel. */
  queriesPerUser: 4,
  /** Of those, scans of large tables; and of all users together. */
  scansPerUser: 1,
  scans: 2,
  /** Requests that wait their turn on one channel. */
  waitingRequests: 64,
  authenticateMs: 10_000,
  failedAuthentications: 3,
  /** A query that takes this long in the engine is a strike … */
  slowQueryMs: 1_900,
  /** … and this many within a minute close the channel and shut its user out for a while. */
  strikes: 3,
  strikeWindowMs: 60_000,
  shutOutMs: 30_000,
  /** LIVE and KILL stop the projector for some milliseconds each. */
  registrationsPerMinute: 120,
  /** Unsent bytes at which a channel counts as too slow. */
  bufferedBytes: 8_388_608,
  variables: 32,
} as const
