/**
 * End-to-end encryption as the window sees it: what is sent into an encrypted room is sealed, what comes is opened.
 *
 * This much is there from the start; what does it (`sealing.ts`) and the machine (`engine/`) are loaded when the window
 * has been drawn, or when they are first needed.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#end-to-end-encryption
 */
import { makeStore, type Store } from '../live/store.js'
import type { AccountStorage } from '../platform/account-storage.js'
import type { EncryptedFile } from '../platform/matrix/encrypted-file.js'
import { ServerUnreachableError } from '../platform/matrix/errors.js'
import type { MatrixHttp } from '../platform/matrix/http.js'
import type { LoginSession } from '../platform/matrix/login-session.js'
import { type ClearEvents, makeClearEvents } from './clear-events.js'
import { coalesceFor } from './coalesce-for.js'
import { makeEncryptedRooms } from './encrypted-rooms.js'
import type { Inbox } from './inbox.js'
import type { Sealing as Work } from './sealing.js'
import type { AccountState, EngineNews, VerificationState } from './types.js'

export type EncryptionStatus =
  | { kind: 'starting' }
  | { kind: 'ready' }
  /**
   * `insecure`: the page came over plain HTTP from another machine. `lost`: the browser has forgotten the keys that this
   * device is known by; only a new sign-in helps.
   */
  | { kind: 'unavailable'; reason: 'insecure' | 'failed' | 'lost' }

export type Member = { userId: string; membership: 'join' | 'invite' }

export type Encryption = {
  status: Store<EncryptionStatus>
  events: ClearEvents
  /** After the window was drawn. */
  start(): void
  /** @returns when the keys are not in use any more */
  stop(): Promise<void>
  /** The event to be sent for this one: itself, where the room is not encrypted. */
  seal(roomId: string, type: string, content: object): Promise<{ type: string; content: object }>
  /** Undefined where the room is not encrypted. */
  sealFile(roomId: string, file: Blob): Promise<{ blob: Blob; file: Omit<EncryptedFile, 'url'> } | undefined>
  /** How this device and the keys stand; undefined while nobody knows. */
  account: Store<AccountState | undefined>
  verifications: Store<readonly VerificationState[]>
  /** What the dialogs about trust do. */
  ask: Work['ask']
  /** Whether this page can encrypt, and the user has a device that could read it. */
  canReach(userId: string): Promise<boolean>
}

export type EncryptionNeeds = {
  session: LoginSession
  http: MatrixHttp
  storage: AccountStorage
  inbox(): Promise<Inbox>
  /** As the room list has it; undefined where it has no line of the room. */
  isListedEncrypted(roomId: string): boolean | undefined
  /** Joined and invited, as they are now. */
  readMembers(roomId: string): Promise<readonly Member[]>
}

/** Reactions say what they are of in clear anyway, and clients read them so. */
const inClear = new Set(['m.reaction'])

const againMs = 5_000

/** Web Locks and Web Crypto are there together, or neither is. */
const isSecure = () => globalThis.navigator?.locks !== undefined && globalThis.crypto?.subtle !== undefined

export function makeEncryption(needs: EncryptionNeeds): Encryption {
  const status = makeStore<EncryptionStatus>(
    isSecure() ? { kind: 'starting' } : { kind: 'unavailable', reason: 'insecure' },
  )
  const rooms = makeEncryptedRooms(needs)
  let loading: Promise<Work> | undefined
  const events = makeClearEvents(async (ask) => (await work()).open(ask))

  const account = makeStore<AccountState | undefined>(undefined)
  const verifications = makeStore<readonly VerificationState[]>([])
  const readAccount = coalesceFor(300, async () => {
    if (status.get().kind !== 'ready') return
    account.set(
      await work()
        .then((started) => started.ask('readAccount', {}))
        .catch(() => account.get()),
    )
  })
  status.subscribe(readAccount)

  function take(news: EngineNews): void {
    if (news.kind === 'keys') events.retry(news.sessionIds)
    if (news.kind === 'trust') {
      // Who is trusted may be other now; what could not be read may be, with keys of the backup.
      events.retry()
      readAccount()
    }
    if (news.kind === 'verifications') verifications.set(news.states)
  }

  function work(): Promise<Work> {
    loading ??= import('./sealing.js').then(
      ({ startSealing }) => startSealing({ ...needs, status, onNews: take }),
      (error: unknown) => {
        loading = undefined // it is fetched from the server, which may be away
        throw new ServerUnreachableError('the part for encryption could not be loaded', { cause: error })
      },
    )
    return loading
  }

  /** Where the server is away just then, again until it is back. */
  function start(): void {
    work().catch(() => setTimeout(start, againMs))
  }

  return {
    status,
    events,
    start,
    stop: async () => (await loading?.catch(() => undefined))?.stop(),
    async seal(roomId, type, content) {
      if (inClear.has(type) || !(await rooms.isEncrypted(roomId))) return { type, content }
      return (await work()).seal(roomId, type, content)
    },
    sealFile: async (roomId, file) =>
      (await rooms.isEncrypted(roomId))
        ? (await import('../platform/matrix/encrypted-file.js')).encryptFile(file)
        : undefined,
    account,
    verifications,
    ask: (name, argument) => work().then((started) => started.ask(name, argument)),
    canReach: async (userId) => (await work()).canReach(userId),
  }
}
