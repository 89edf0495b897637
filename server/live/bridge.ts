/**
 * The live bridge: byte channels on one side, record sessions of the engine on the other.
 *
 * An unmodified SurrealDB SDK speaks its RPC through a channel and reads what its user may see. The bridge
 * knows nothing of Matrix: who may open a session is `store/sessions.ts`, which rows it sees are the tables'
 * PERMISSIONS, which statements pass is `screen-query.ts`. What is left is here and in
 * `conversation.ts`: nothing before a token was accepted, fair shares, and a prompt end.
 */
import { randomId } from '../kernel/clock.js'
import type { Channel } from './channel.js'
import { closeCodes, liveLimits } from './close-codes.js'
import { type BridgeNeeds, Conversation, type Shared } from './conversation.js'
import { readNotification } from './frames.js'
import { UserLimits } from './user-limits.js'

export type LiveBridge = {
  /** Takes the channel over; the bridge answers on it until either side closes it. */
  openLiveChannel(channel: Channel): void
  /** Open channels, authenticated or not. */
  readonly channels: number
  /** Closes every channel with 1012 and takes no new ones. */
  close(): void
}

export function makeLiveBridge(needs: BridgeNeeds): LiveBridge {
  const conversations = new Set<Conversation>()
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
    ended: (conversation) => void conversations.delete(conversation),
    shutOut(userId) {
      needs.logger.warn({ user_id: userId }, 'slow live queries: the channels of this user are closed')
      for (const conversation of [...conversations])
        if (conversation.userId === userId) conversation.end(closeCodes.limits, 'too many slow queries')
    },
  }
  const stopListening = needs.engine.onNotification((frame) => {
    const notification = readNotification(frame)
    if (notification) shared.routes.get(notification.session)?.deliver(notification)
  })

  return {
    openLiveChannel(channel) {
      const strangers = [...conversations].filter(({ userId }) => !userId).length
      if (isClosed) channel.close(closeCodes.restart, 'the server ends')
      else if (conversations.size >= liveLimits.channels || strangers >= liveLimits.unauthenticatedChannels)
        channel.close(closeCodes.limits, 'too many channels')
      else conversations.add(new Conversation(randomId(10), channel, shared))
    },
    get channels() {
      return conversations.size
    },
    close() {
      isClosed = true
      for (const conversation of [...conversations]) conversation.end(closeCodes.restart, 'the server ends')
      stopListening()
    },
  }
}
