/**
 * Asking the servers of a room one after the other until one has the answer.
 *
 * Whoever told us of an event is asked first, then the servers with the most members: they are the likeliest to
 * have it all and to be there. It is remembered whether a server could not be reached: then "nobody has it" is not
 * known yet, and the question is worth asking again later.
 */
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Room, Rooms } from '../rooms/room.js'
import type { Allowance } from './federation-client.js'
import { FederationError } from './federation-error.js'

export type Search = {
  readonly servers: readonly ServerName[]
  /** A server could not be asked, or would not say. */
  isUnanswered: boolean
  /** What all answers may have: whoever sends us looking for what is missing decides how much there is. */
  readonly allowance: Allowance
}

const maxServers = 5
/** Of one gap or one page of history. */
const maxBytes = 96 * 1024 * 1024

export type StartSearch = (room: Room, first?: ServerName, maxServers?: number) => Promise<Search>

export const makeStartSearch =
  (needs: { serverName: ServerName; rooms: Pick<Rooms, 'readServers'> }): StartSearch =>
  async (room, first, most = maxServers) => {
    const byMembers = [...(await needs.rooms.readServers(room))].sort(([, a], [, b]) => b - a)
    const others = byMembers.map(([server]) => server).filter((server) => server !== needs.serverName)
    const servers = new Set(first === undefined ? others : [first, ...others])
    return { servers: [...servers].slice(0, most), isUnanswered: false, allowance: { bytes: maxBytes } }
  }

/** The same search at certain servers: what it finds out about them is its own, what it may cost is not. */
export const searchAt = (servers: readonly ServerName[], { allowance }: Search): Search => ({
  servers,
  isUnanswered: false,
  allowance,
})

/**
 * @param ask gives undefined where the server answered and does not have it
 * @returns the first answer; undefined where no server had one
 */
export async function askInTurn<Answer>(
  search: Search,
  log: Logger,
  ask: (server: ServerName) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  for (const server of search.servers) {
    try {
      const answer = await ask(server)
      if (answer !== undefined) return answer
    } catch (error) {
      if (!(error instanceof FederationError)) throw error
      search.isUnanswered ||= error.failure !== 'not-allowed' && error.answer?.status !== 404
      log.info({ destination: server, failure: error.failure }, 'a server could not tell what is missing')
    }
  }
  return undefined
}
