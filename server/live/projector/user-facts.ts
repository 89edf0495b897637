/** What a user's own account data says about their rooms: direct chats, tags, how far they have fully read, whom they ignore. */
import { LRUCache } from 'lru-cache'
import { ignoredUsersType, readIgnoredUsers } from '../../events/ignored-users.js'
import { isJsonObject } from '../../events/pdu.js'
import type { RoomId, UserId } from '../../kernel/identifiers.js'
import { readAccountData } from '../../store/account-data-store.js'
import type { Reader } from '../../store/reader.js'

export type UserFacts = {
  directRooms: ReadonlySet<string>
  tags: ReadonlyMap<RoomId, string[]>
  fullyRead: ReadonlyMap<RoomId, string>
  ignored: ReadonlySet<string>
}

export class UserFactsReader {
  readonly #known = new LRUCache<UserId, Promise<UserFacts>>({ max: 2_000 })

  constructor(private readonly db: Reader) {}

  read(userId: UserId): Promise<UserFacts> {
    let facts = this.#known.get(userId)
    if (!facts) {
      facts = this.#load(userId)
      this.#known.set(userId, facts)
      facts.catch(() => this.#known.delete(userId))
    }
    return facts
  }

  /** The user's account data changed. */
  forget(userId: UserId): void {
    this.#known.delete(userId)
  }

  async #load(userId: UserId): Promise<UserFacts> {
    let ignored: ReadonlySet<string> = new Set()
    const facts = {
      directRooms: new Set<string>(),
      tags: new Map<RoomId, string[]>(),
      fullyRead: new Map<RoomId, string>(),
    }
    for (const { roomId, type, content } of await readAccountData(this.db, userId)) {
      const value: unknown = JSON.parse(content)
      if (!isJsonObject(value)) continue
      if (!roomId && type === ignoredUsersType) ignored = readIgnoredUsers(value, userId)
      else if (!roomId && type === 'm.direct') {
        for (const rooms of Object.values(value))
          if (Array.isArray(rooms)) for (const each of rooms) if (typeof each === 'string') facts.directRooms.add(each)
      } else if (roomId && type === 'm.tag' && isJsonObject(value.tags)) facts.tags.set(roomId, Object.keys(value.tags))
      else if (roomId && type === 'm.fully_read' && typeof value.event_id === 'string')
        facts.fullyRead.set(roomId, value.event_id)
    }
    return { ...facts, ignored }
  }
}

/** Account data that lines of the room list show, or that decide what counts as unread in them. */
export const summaryAccountData: ReadonlySet<string> = new Set([
  'm.direct',
  'm.tag',
  'm.fully_read',
  'm.push_rules',
  ignoredUsersType,
])
