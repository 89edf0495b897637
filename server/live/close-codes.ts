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
  /** Too many channels or requests, or more than a share of the database. Refusals that leave the channel open carry it too. */
  limits: 4429,
} as const

export const liveLimits = {
  /** Channels with a token. */
  channels: 256,
  channelsPerUser: 16,
  /** Channels without a token: of the desktop app's windows, of this machine's other programs, of everybody else. */
  strangers: { window: 16, local: 32, remote: 64 },
  /** Of everybody else's, those of one address (one /64 network in IPv6). */
  strangersPerAddress: 8,
  authenticateMs: 10_000,
  failedAuthentications: 3,
  /** Sessions of the SDK (`newSession`) on one channel. */
  sessionsPerChannel: 4,
  liveQueriesPerChannel: 8,
  /** What a write to a table pays for all live queries on it; a plain one weighs 1 (about 0.25 ms a row). */
  weightPerTable: 60,
  /** Of that, the live queries of one user. */
  weightPerUser: 12,
  /** Queries of one user that run at once; one per channel. */
  queriesPerUser: 4,
  /** Of those, scans of large tables; and of all users together. */
  scansPerUser: 1,
  scans: 2,
  /** Requests that wait their turn on one channel. */
  waitingRequests: 64,
  /** The engine's time, in milliseconds: a quarter of one thread, and bursts. */
  engineMs: { size: 6_000, perSecond: 250 },
  /** Time in which the writers of a table wait while live queries of this user are registered or killed. */
  pauseMs: { size: 1_500, perSecond: 20 },
  /** LIVE and KILL. */
  registrations: { size: 120, perSecond: 2 },
  /** Whoever would have to wait longer for a share than this is refused instead. */
  longestWaitMs: 10_000,
  /** A query that takes this long in the engine is a long one … */
  longQueryMs: 400,
  /** … and so much of them within a minute closes the user's channels and shuts the user out for a while. */
  longQueriesMs: 5_500,
  longWindowMs: 60_000,
  shutOutMs: 30_000,
  /** Unsent bytes at which a channel counts as too slow. */
  bufferedBytes: 8_388_608,
  variables: 32,
} as const
