/** From where the server is reached, as it is told to administrators. */
import { Type } from 'typebox'
import { UserIdSchema } from '../../kernel/identifiers.js'
import type { Reachability } from '../../network/reachability.js'

const Url = Type.String()

export const ReachabilitySchema = Type.Object({
  /** Of the listener on this machine, which is always there. */
  this_machine: Type.Object({ url: Type.Optional(Url) }),
  home_network: Type.Object({
    state: Type.Union([
      Type.Literal('off'),
      Type.Literal('on'),
      Type.Literal('failed'),
      Type.Literal('by_configuration'),
    ]),
    /** Every address that could be chosen. `url` where it listens; `error` where it should and does not. */
    addresses: Type.Array(
      Type.Object({
        address: Type.String(),
        interface: Type.String(),
        is_chosen: Type.Boolean(),
        is_listening: Type.Boolean(),
        url: Type.Optional(Url),
        error: Type.Optional(Type.String()),
      }),
    ),
    /** Who has a connection now. */
    connected: Type.Array(
      Type.Object({
        address: Type.String(),
        users: Type.Array(UserIdSchema),
        since_ts: Type.Integer(),
        last_seen_ts: Type.Integer(),
      }),
    ),
  }),
  /** As configured, and not tried. */
  public: Type.Object({ url: Type.Optional(Url) }),
  federation: Type.Object({
    is_on: Type.Boolean(),
    /** What other servers would connect to; absent where nothing listens for them. */
    listener: Type.Optional(
      Type.Object({
        port: Type.Integer(),
        certificate: Type.Optional(
          Type.Object({ names: Type.Array(Type.String()), expires_ts: Type.Integer(), is_for_server: Type.Boolean() }),
        ),
      }),
    ),
  }),
})

export function toReachability({ thisMachine, homeNetwork, publicUrl, federates, federationListener }: Reachability) {
  const { state, addresses, visitors } = homeNetwork
  const certificate = federationListener?.certificate
  return {
    this_machine: thisMachine === undefined ? {} : { url: thisMachine },
    home_network: {
      state,
      addresses: addresses.map(({ isChosen, isListening, ...rest }) => ({
        ...{ ...rest, is_chosen: isChosen, is_listening: isListening },
      })),
      connected: visitors.map(({ address, users, since, lastSeen }) => ({
        ...{ address, users: [...users], since_ts: since, last_seen_ts: lastSeen },
      })),
    },
    public: publicUrl === undefined ? {} : { url: publicUrl },
    federation: {
      is_on: federates,
      ...(federationListener && {
        listener: {
          port: federationListener.port,
          ...(certificate && {
            certificate: {
              names: certificate.names,
              expires_ts: certificate.expiresAt,
              is_for_server: certificate.isForServer,
            },
          }),
        },
      }),
    },
  }
}
