/**
 * What each connection of sliding sync has been told, by the `pos` of its last answers.
 *
 * An answer may be lost, and its request comes again: what was told up to the answer before is kept until a request
 * shows that the newer one arrived. Kept in memory: after a restart, or where a device has too many, the client is told
 * `M_UNKNOWN_POS` and begins anew, which costs it one larger answer.
 */
import { LRUCache } from 'lru-cache'
import { randomId } from '../../kernel/clock.js'
import { MatrixError } from '../../kernel/errors.js'
import type { RoomId } from '../../kernel/identifiers.js'
import type { SyncToken } from '../sync-token.js'

/** What was told of a room. */
export type ToldRoom = {
  /** All of it up to here. */
  token: SyncToken
  /** Whether the client has it as one it is in, outside of, or not any more. */
  as: 'joined' | 'outside' | 'left'
  timelineLimit: number
  /** Of required state, as `type\0key`. */
  required: ReadonlySet<string>
  /** Members that were sent because somebody of the timeline is them. */
  members: ReadonlySet<string>
  counts: string
}

export type Told = {
  token: SyncToken | undefined
  rooms: ReadonlyMap<RoomId, ToldRoom>
  /** What the lists' windows showed. */
  lists: string
}

const nothing: Told = { token: undefined, rooms: new Map(), lists: '' }

export type Connection = {
  /** What the client has by the answer that gave out this `pos`. @throws MatrixError 400 `M_UNKNOWN_POS` */
  toldAt(pos: string | undefined): Told
  /** Remembers what the next answer tells. @returns its `pos` */
  tell(told: Told): string
}

/** `name` begins each `pos`, so that one of an earlier beginning is not taken for one of this. */
type Kept = { name: string; next: number; answers: Map<string, Told> }

const begin = (): Kept => ({ name: randomId(6), next: 0, answers: new Map() })

const maxConnections = 500
const maxConnectionIdLength = 64

export function makeConnections(): (sid: string, connectionId: string | undefined) => Connection {
  const connections = new LRUCache<string, Kept>({ max: maxConnections })
  return (sid, connectionId = '') => {
    const key = `${sid} ${connectionId.slice(0, maxConnectionIdLength)}`
    return {
      toldAt(pos) {
        if (pos === undefined) {
          connections.set(key, begin())
          return nothing
        }
        const kept = connections.get(key)
        const told = kept?.answers.get(pos)
        if (!kept || !told)
          throw new MatrixError(400, 'M_UNKNOWN_POS', 'That position is not known any more: begin anew.')
        // Whoever asks from here has it: what was before is never asked for again, what came after did not arrive.
        kept.answers = new Map([[pos, told]])
        return told
      },
      tell(told) {
        const kept = connections.get(key) ?? begin()
        const pos = `${kept.name}.${kept.next++}`
        kept.answers.set(pos, told)
        connections.set(key, kept)
        return pos
      },
    }
  }
}
