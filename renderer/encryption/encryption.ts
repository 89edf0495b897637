/**
 * End-to-end encryption as the window sees it: what is sent into an encrypted room is sealed, what comes is opened.
 *
 * The keys of this device are with one machine in one tab (`one-tab.ts`); it is loaded when the window has been drawn.
 * A room that was once seen encrypted stays so for this device, whatever the server says of it later.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
 */
import { makeStore, type Store } from '../live/store.js'
import type { AccountStorage } from '../platform/account-storage.js'
import { MatrixRequestError, ServerUnreachableError } from '../platform/matrix/errors.js'
import type { MatrixHttp } from '../platform/matrix/http.js'
import type { LoginSession } from '../platform/matrix/login-session.js'
import { type ClearEvents, makeClearEvents } from './clear-events.js'
import type { Inbox } from './inbox.js'
import { type Led, makeOneTab } from './one-tab.js'
import type { EngineCalls, EngineNews, Opened, RoomRules, SealedEvent } from './types.js'

export type EncryptionStatus =
  | { kind: 'starting' }
  | { kind: 'ready' }
  /** `insecure`: the page came over plain HTTP from another machine. */
  | { kind: 'unavailable'; reason: 'insecure' | 'failed' }

export type Member = { userId: string; membership: 'join' | 'invite' }

export type Encryption = {
  status: Store<EncryptionStatus>
  events: ClearEvents
  /** After the window was drawn. */
  start(): void
  stop(): void
  /** The event to be sent for this one: itself, where the room is not encrypted. */
  seal(roomId: string, type: string, content: object): Promise<{ type: string; content: object }>
  isEncrypted(roomId: string): Promise<boolean>
}

type EncryptionNeeds = {
  session: LoginSession
  http: MatrixHttp
  storage: AccountStorage
  inbox(): Inbox
  /** As the room list has it; undefined where it has no line of the room. */
  isListedEncrypted(roomId: string): boolean | undefined
  /** Joined and invited, as they are now. */
  readMembers(roomId: string): Promise<readonly Member[]>
}

const rulesLastMs = 60_000
/** Reactions say what they are of in clear anyway, and clients read them so. */
const inClear = new Set(['m.reaction'])
const knownEntry = 'encrypted_rooms'

export function makeEncryption(needs: EncryptionNeeds): Encryption {
  const { session, http, storage } = needs
  const status = makeStore<EncryptionStatus>({ kind: 'starting' })
  const rules = new Map<string, { at: number; rules: Promise<RoomRules> }>()
  let tab: Led<EngineCalls> | undefined
  let whenStarted: (tab: Led<EngineCalls> | undefined) => void = () => undefined
  const started = new Promise<Led<EngineCalls> | undefined>((resolve) => {
    whenStarted = resolve
  })

  const open = async (ask: { roomId: string; events: readonly SealedEvent[] }): Promise<Opened[]> => {
    const led = await started
    const nothing = (): Opened[] => ask.events.map(() => ({ kind: 'locked', cause: 'unavailable' }))
    if (!led) return nothing()
    return led.ask('open', ask).catch((error: unknown) => {
      if (status.get().kind === 'unavailable') return nothing()
      throw error
    })
  }
  const events = makeClearEvents(open)

  function take(news: EngineNews): void {
    if (news.kind === 'keys') events.retry(news.sessionIds)
  }

  async function lead(tell: (news: EngineNews) => void) {
    const { openMachine } = await import('./engine/machine.js')
    const { startEngine } = await import('./engine/engine.js')
    const machine = await openMachine(session.userId, session.deviceId)
    return startEngine({ machine, http, inbox: needs.inbox(), tell })
  }

  const read = <Content>(roomId: string, type: string) =>
    http.request<Content>('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/${type}/`)
  const orNothing = (error: unknown): Record<string, unknown> => {
    if (error instanceof MatrixRequestError && error.status === 404) return {}
    throw error
  }

  async function readRules(roomId: string): Promise<RoomRules> {
    const [encryption, history] = await Promise.all([
      read<Record<string, unknown>>(roomId, 'm.room.encryption').catch(orNothing),
      read<Record<string, unknown>>(roomId, 'm.room.history_visibility').catch(orNothing),
    ])
    const { history_visibility } = history
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

  const knownRooms = () => {
    const kept = storage.read(knownEntry)
    return new Set(Array.isArray(kept) ? (kept as string[]) : [])
  }

  async function isEncrypted(roomId: string): Promise<boolean> {
    const known = knownRooms()
    if (known.has(roomId)) return true
    const listed = needs.isListedEncrypted(roomId)
    const is =
      listed ??
      (await read<Record<string, unknown>>(roomId, 'm.room.encryption').catch(orNothing)).algorithm !== undefined
    if (is) storage.write(knownEntry, [...knownRooms().add(roomId)])
    return is
  }

  return {
    status,
    events,
    isEncrypted,
    start() {
      if (tab || status.get().kind === 'unavailable') return
      const locks = globalThis.navigator?.locks
      if (!locks || !globalThis.crypto?.subtle) {
        status.set({ kind: 'unavailable', reason: 'insecure' })
        whenStarted(undefined)
        return
      }
      tab = makeOneTab<EngineCalls, EngineNews>({
        name: `hearth.encryption.${session.userId}.${session.deviceId}`,
        lead,
        onNews: take,
        locks,
        openChannel: (name) => new BroadcastChannel(name),
        onFailed(error) {
          console.error('encryption could not be started', error)
          status.set({ kind: 'unavailable', reason: 'failed' })
          tab?.stop()
        },
      })
      status.set({ kind: 'ready' })
      whenStarted(tab)
    },
    stop() {
      if (!tab) return
      tab.stop()
      whenStarted(undefined)
    },
    async seal(roomId, type, content) {
      if (inClear.has(type) || !(await isEncrypted(roomId))) return { type, content }
      const led = await started
      if (!led) throw new Error('this page cannot encrypt')
      const [present, members] = await Promise.all([rulesOf(roomId), needs.readMembers(roomId)])
      const mayRead = ({ membership }: Member) => membership === 'join' || present.historyVisibility !== 'joined'
      const userIds = members.filter(mayRead).map(({ userId }) => userId)
      const sealed = await led
        .ask('seal', { roomId, type, content: content as Record<string, unknown>, userIds, rules: present })
        .catch((error: unknown) => {
          // It comes from another tab, where it may be, by its name alone.
          if (error instanceof Error && error.name === 'ServerUnreachableError')
            throw new ServerUnreachableError(error.message)
          throw error
        })
      return { type: 'm.room.encrypted', content: sealed }
    },
  }
}
