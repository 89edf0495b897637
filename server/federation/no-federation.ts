/**
 * What the rest of the server is given where federation is off: every question to another server is a refusal.
 * An invite that came while it was on can still be declined: nobody hears of it.
 */
import { MatrixError } from '../kernel/errors.js'
import { serverNameOf, type UserId } from '../kernel/identifiers.js'
import type { RemoteServers } from './federation.js'

const off = async (): Promise<never> => {
  const reason = { 'org.hearth.reason': 'federation-off' }
  throw new MatrixError(404, 'M_NOT_FOUND', 'This server does not talk to other servers', reason)
}

/** Every server that would be asked, as one that does not answer. */
const failuresOf = (wanted: ReadonlyMap<UserId, unknown>) =>
  Object.fromEntries(
    [...wanted.keys()].map((userId) => [
      serverNameOf(userId),
      { message: 'This server does not talk to other servers.' },
    ]),
  )

export const noRemoteServers: RemoteServers = {
  joinRoom: off,
  knockRoom: off,
  leaveRoom: async () => ({ untold: [] }),
  inviteUser: off,
  queryDirectory: off,
  queryProfile: off,
  queryPublicRooms: off,
  querySpace: async () => undefined,
  queryEventByTime: async () => undefined,
  fetchRemoteMedia: off,
  backfillRoom: async () => false,
  askForKeys: async (wanted) => ({
    ...{ device_keys: {}, master_keys: {}, self_signing_keys: {}, failures: failuresOf(wanted) },
  }),
  claimRemoteKeys: async (wanted) => ({ one_time_keys: {}, failures: failuresOf(wanted) }),
}
