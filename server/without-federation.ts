/** What asks other homeservers, where federation is off: each says that it cannot. */
import { forbidden, MatrixError, notFound } from './kernel/errors.js'

const refuse = async (): Promise<never> => {
  throw forbidden('This server does not talk to other servers.')
}
const findNothing = async (): Promise<never> => {
  throw notFound('This server does not talk to other servers.')
}

export const withoutFederation = {
  joinRoom: findNothing,
  knockRoom: findNothing,
  leaveRoom: findNothing,
  inviteUser: refuse,
  queryDirectory: findNothing,
  queryRemotePublicRooms: findNothing,
  fetchRemoteProfile: findNothing,
  fetchRemoteMedia: findNothing,
  async authenticateServer(): Promise<never> {
    throw new MatrixError(401, 'M_UNAUTHORIZED', 'This server does not talk to other servers.')
  },
}
