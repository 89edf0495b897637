/**
 * What the rest of the server is given where federation is off: every question to another server is a refusal.
 * An invite that came while it was on can still be declined: nobody hears of it.
 */
import { notFound } from '../kernel/errors.js'
import type { RemoteServers } from './federation.js'

const off = async (): Promise<never> => {
  throw notFound('This server does not talk to other servers')
}

export const noRemoteServers: RemoteServers = {
  joinRoom: off,
  knockRoom: off,
  leaveRoom: async () => undefined,
  inviteUser: off,
  queryDirectory: off,
  queryProfile: off,
  queryPublicRooms: off,
  querySpace: async () => undefined,
  queryEventByTime: async () => undefined,
  fetchRemoteMedia: off,
  backfillRoom: async () => false,
}
