/**
 * The live bridge: byte channels on one side, record sessions of the engine on the other.
 *
 * An unmodified SurrealDB SDK speaks its RPC through a channel and reads what its user may see. The bridge
 * knows nothing of Matrix: who may open a session is `store/sessions.ts`, which rows it sees are the tables'
 * PERMISSIONS, which statements pass is `screen-query.ts`. What is left is here and in
 * `conversation.ts`: nothing before a token was accepted, fair shares, and a prompt end.
 */
import { randomId } from '../kernel/clock.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Channel } from './channel.js'
import { closeCodes, liveLimits } from './close-codes.js'
import { type BridgeNeeds, Conversation, type Shared } from './conversation.js'
import { readNotification } from './frames.js'
import { Strangers } from './strangers.js'
import { UserLimits } from './user-limits.js'

export type LiveBridge = {
  /** Takes the channel over; the bridge answers on it until either side closes it. */
  openLiveChannel(channel: Channel): void
  /** Open channels, authenticated or not. */
  readonly channels: number
  /** The device (`deviceKey`) of each channel that showed its token. */
  readonly devices: readonly string[]
  /** Closes every channel with 1012 and takes no new ones. */
  close(): void
}

export function makeLiveBridge(needs: BridgeNeeds): LiveBridge {
  const conversations = new Set<Conversation>()
  const strangers = new Strangers<Conversation>()
  let version: Promise<string> | undefined
  let isClosed = false

  const shared: Shared = {
    ...needs,
    limits: new UserLimits(needs.clock),
    routes: new Map(),
    version: () => {
      version ??= needs.root.call<string>('version', [])
      return version
    },
    known: (conversation) => strangers.delete(conversation),
    ended(conversation) {
      conversations.delete(conversation)
      strangers.delete(conversation)
    },
    makeRoom,
    shutOut(userId) {
      needs.logger.warn({ user_id: userId }, 'long queries: the channels of this user are closed')
      for (const conversation of [...conversations])
        if (conversation.userId === userId)
          conversation.end(closeCodes.limits, 'too many long queries: connect again in half a minute')
    },
    crowdOut(table, userId) {
      const ids = new Set(
        needs.registry.all().flatMap((each) => (each.table === table && each.userId === userId ? each.channel : [])),
      )
      const youngest = [...conversations].filter(({ id }) => ids.has(id)).at(-1)
      youngest?.end(closeCodes.limits, `other accounts need room on ${table}`)
    },
  }

  /** All places are taken: whoever has most of them gives one to who would still have fewer. */
  function makeRoom(userId: UserId): boolean {
    const owned = new Map<UserId, Conversation[]>()
    for (const each of conversations) if (each.userId) owned.set(each.userId, [...(owned.get(each.userId) ?? []), each])
    const taken = [...owned.values()].reduce((sum, each) => sum + each.length, 0)
    if (taken < liveLimits.channels) return true
    const most = [...owned.values()].sort((a, b) => b.length - a.length)[0] ?? []
    if (most.length <= (owned.get(userId)?.length ?? 0) + 1) return false
    most.at(-1)?.end(closeCodes.limits, 'other accounts need a place')
    return true
  }

  const stopListening = needs.engine.onNotification((frame) => {
    const notification = readNotification(frame)
    if (notification) shared.routes.get(notification.session)?.deliver(notification)
  })

  return {
    openLiveChannel(channel) {
      if (isClosed) return channel.close(closeCodes.restart, 'the server ends')
      const conversation = new Conversation(randomId(10), channel, shared)
      if (conversation.isEnded) return
      conversations.add(conversation)
      const evicted = strangers.add(conversation, channel.peer)
      evicted?.end(closeCodes.limits, 'no token yet, and others want the place')
    },
    get channels() {
      return conversations.size
    },
    get devices() {
      return [...conversations].flatMap(({ device }) => (device === undefined ? [] : [device]))
    },
    close() {
      isClosed = true
      for (const conversation of [...conversations]) conversation.end(closeCodes.restart, 'the server ends')
      stopListening()
    },
  }
}
