/** Who has connections to a server, by address, and as whom: for the page that shows it to whoever runs it. */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'

type Party = { sockets: number; users: Set<UserId>; since: number; lastSeen: number }

/** Users remembered of one address. */
const maxUsers = 20

export class Visitors {
  readonly #byAddress = new Map<string, Party>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  guard(server: Server): void {
    server.on('connection', (socket: Socket) => {
      const address = plain(socket.remoteAddress)
      const now = this.#clock.now()
      const party = this.#byAddress.get(address) ?? { sockets: 0, users: new Set(), since: now, lastSeen: now }
      this.#byAddress.set(address, party)
      party.sockets++
      socket.once('close', () => {
        party.sockets--
        if (party.sockets === 0 && this.#byAddress.get(address) === party) this.#byAddress.delete(address)
      })
    })
  }

  /** @param userId whose token came along */
  note({ socket }: Pick<IncomingMessage, 'socket'>, userId: UserId | undefined): void {
    const party = this.#byAddress.get(plain(socket.remoteAddress))
    if (!party) return
    party.lastSeen = this.#clock.now()
    if (userId && party.users.size < maxUsers) party.users.add(userId)
  }

  list() {
    return [...this.#byAddress].map(([address, { users, since, lastSeen }]) => ({
      ...{ address, users: [...users], since, lastSeen },
    }))
  }
}

const plain = (address = '') => address.replace(/^::ffff:(?=\d+\.)/i, '')
