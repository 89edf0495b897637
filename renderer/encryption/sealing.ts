/**
 * What of the encryption each tab does by itself: it knows by which rules a room is encrypted and for whom, and asks the
 * tab that leads for the rest.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mroomencryption
 */
import { t } from '../i18n/index.js'
import type { Store } from '../live/store.js'
import { ExplainedError, isTemporary, ServerUnreachableError } from '../platform/matrix/errors.js'
import { readState } from './encrypted-rooms.js'
import type { Encryption, EncryptionNeeds, EncryptionStatus, Member } from './encryption.js'
import { type Led, makeOneTab } from './one-tab.js'
import { helpFor } from './status-help.js'
import type { EngineCalls, EngineNews, Opened, RoomRules, SealedEvent } from './types.js'

type SealingNeeds = EncryptionNeeds & { status: Store<EncryptionStatus>; onNews(news: EngineNews): void }

export type Sealing = Pick<Encryption, 'seal' | 'canReach' | 'stop'> & {
  open(ask: { roomId: string; events: readonly SealedEvent[] }): Promise<Opened[]>
  /** Has the leading tab do something. */
  ask: Led<EngineCalls>['ask']
}

const rulesLastMs = 60_000
const againMs = 3_000
const mostTries = 100
export function startSealing(needs: SealingNeeds): Sealing {
  const { session, http, status } = needs
  const rules = new Map<string, { at: number; rules: Promise<RoomRules> }>()
  const tab = status.get().kind === 'unavailable' ? undefined : openTab()

  function openTab() {
    const opened = makeOneTab<EngineCalls, EngineNews>({
      name: `hearth.encryption.${session.userId}.${session.deviceId}`,
      async lead(tell) {
        const { openMachine, startEngine, inbox } = await whileServerIsAway(async () => {
          await http.request('GET', '/_matrix/client/versions')
          const [{ openMachine }, { startEngine }, inbox] = await Promise.all([
            import('./engine/machine.js'),
            import('./engine/engine.js'),
            needs.inbox(),
          ])
          return { openMachine, startEngine, inbox }
        })
        const machine = await whileServerIsAway(() => openMachine(session.userId, session.deviceId, http))
        return startEngine({ machine, http, inbox, tell })
      },
      onNews: needs.onNews,
      locks: navigator.locks,
      openChannel: (name) => new BroadcastChannel(name),
      onFailed(error) {
        const isLost = error instanceof Error && error.name === 'KeysLostError'
        if (!isLost) console.error('encryption could not be started', error)
        status.set({ kind: 'unavailable', reason: isLost ? 'lost' : 'failed' })
        void opened.stop()
      },
    })
    status.set({ kind: 'ready' })
    return opened
  }

  const read = (roomId: string, type: string) => readState(http, roomId, type)

  async function readRules(roomId: string): Promise<RoomRules> {
    const [encryption, { history_visibility }] = await Promise.all([
      read(roomId, 'm.room.encryption'),
      read(roomId, 'm.room.history_visibility'),
    ])
    return {
      encryption: { algorithm: 'm.megolm.v1.aes-sha2', ...encryption },
      historyVisibility: typeof history_visibility === 'string' ? history_visibility : 'shared',
    }
  }

  function rulesOf(roomId: string): Promise<RoomRules> {
    const kept = rules.get(roomId)
    if (kept && Date.now() - kept.at < rulesLastMs) return kept.rules
    const fresh = { at: Date.now(), rules: readRules(roomId) }
    rules.set(roomId, fresh)
    fresh.rules.catch(() => rules.delete(roomId))
    return fresh.rules
  }

  const nothing = (events: readonly SealedEvent[]): Opened[] =>
    events.map(() => ({ kind: 'locked', cause: 'unavailable' }))

  return {
    async open(ask) {
      if (!tab) return nothing(ask.events)
      return tab.ask('open', ask).catch((error: unknown) => {
        if (status.get().kind === 'unavailable') return nothing(ask.events)
        throw error
      })
    },
    async seal(roomId, type, content) {
      if (!tab || status.get().kind === 'unavailable') throw new ExplainedError(t(helpFor(status.get())), undefined)
      const [present, members] = await Promise.all([rulesOf(roomId), needs.readMembers(roomId)])
      const mayRead = ({ membership }: Member) => membership === 'join' || present.historyVisibility !== 'joined'
      const userIds = members.filter(mayRead).map(({ userId }) => userId)
      const sealed = await tab
        .ask('seal', { roomId, type, content: content as Record<string, unknown>, userIds, rules: present })
        .catch((error: unknown) => {
          // From another tab errors come by their name alone.
          if (error instanceof Error && error.name === 'ServerUnreachableError')
            throw new ServerUnreachableError(error.message)
          throw error
        })
      return { type: 'm.room.encrypted', content: sealed }
    },
    async canReach(userId) {
      if (!tab) return false
      const { device_keys = {} } = await http.request<{ device_keys?: Record<string, object> }>(
        'POST',
        '/_matrix/client/v3/keys/query',
        { body: { device_keys: { [userId]: [] } } },
      )
      return Object.keys(device_keys[userId] ?? {}).length > 0
    },
    ask: (name, argument) =>
      tab ? tab.ask(name, argument) : Promise.reject(new ExplainedError(t(helpFor(status.get())), undefined)),
    stop: async () => tab?.stop(),
  }
}

/** What is loaded comes from the server too: while it is away, this is tried again. */
async function whileServerIsAway<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      // Of a file that could not be fetched browsers say a TypeError.
      if (!(isTemporary(error) || error instanceof TypeError) || tries === mostTries) throw error
      await new Promise((resolve) => setTimeout(resolve, againMs))
    }
  }
}
