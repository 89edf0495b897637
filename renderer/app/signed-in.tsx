/** Builds what a signed-in window is made of, once, starts it, and takes it down at sign-out. */
import { lazy, Suspense, useEffect, useState } from 'react'
import { type Member, makeEncryption } from '../encryption/encryption.js'
import { type LiveConnection, makeLiveConnection } from '../live/connection.js'
import { type LiveData, makeLiveData } from '../live/live-data.js'
import { makeStore, type Store, useStore } from '../live/store.js'
import { type AccountStorage, accountStorage, forgetAccount } from '../platform/account-storage.js'
import { platform } from '../platform/bridge.js'
import { type MatrixClient, makeMatrixClient } from '../platform/matrix/client.js'
import { MatrixRequestError } from '../platform/matrix/errors.js'
import { makeHttp } from '../platform/matrix/http.js'
import { logOut } from '../platform/matrix/login.js'
import { type LoginSession, readLoginSession, storeLoginSession } from '../platform/matrix/login-session.js'
import { makeOutbox } from '../platform/matrix/outbox.js'
import { hashTxn } from '../platform/matrix/txn-hash.js'
import { inOneTab } from '../platform/tabs.js'
import { navigate } from './route.js'
import { useServerSays } from './server-info.js'
import { type Services, ServicesContext, useServices } from './services.js'
import { Shell } from './shell.js'

type SignedInProps = {
  initialSession: LoginSession
  /** With which they came in just now, where they did. */
  typedPassword: string | undefined
  /** @param byServer the server ended it */
  onEnd: (byServer: boolean) => void
}

export function SignedIn({ initialSession, typedPassword, onEnd }: SignedInProps) {
  const [services] = useState(() => makeServices(initialSession, onEnd))
  useEffect(() => {
    services.live.connection.start()
    let stopIdle: (() => void) | undefined
    const stopWaking = services.live.connection.state.subscribe(() => {
      if (services.live.connection.state.get().kind !== 'live') return
      services.outbox.wake()
      stopIdle ??= whenIdle(services.encryption.start)
    })
    return () => {
      stopIdle?.()
      stopWaking()
      void services.encryption.stop()
      services.live.connection.stop()
      services.outbox.stop()
      services.matrix.media.clear()
    }
  }, [services])
  return (
    <ServicesContext value={services}>
      <Gate typedPassword={typedPassword} />
    </ServicesContext>
  )
}

const NewPasswordPage = lazy(() => import('./new-password-page.js'))

const isLocked = (error: unknown) => error instanceof MatrixRequestError && error.errcode === 'M_USER_LOCKED'

const LockedPage = lazy(() => import('./locked-page.js'))

/** Before the app: an account that is locked; a password that was handed out. */
function Gate({ typedPassword }: { typedPassword: string | undefined }) {
  const { info } = useServerSays()
  const isShut = useStore(
    useServices().live.connection.state,
    (state) => state.kind === 'offline' && state.reason === 'locked',
  )
  if (isShut)
    return (
      <Suspense fallback={null}>
        <LockedPage />
      </Suspense>
    )
  if (!info?.must_change_password) return <Shell />
  return (
    <Suspense fallback={null}>
      <NewPasswordPage typedPassword={typedPassword} server={info.server_name} />
    </Suspense>
  )
}

function makeServices(session: LoginSession, onEnd: (byServer: boolean) => void): Services {
  /** What of this login comes to its end late must not end the next one. */
  let isOver = false
  const http = makeHttp(session, {
    onRenewed: storeLoginSession,
    onSignedOut() {
      if (isOver) return
      isOver = true
      onEnd(true)
      void forgetKeysOf(session) // nobody can give it this device back
    },
    readShared: readLoginSession,
    alone: (work) => inOneTab('hearth.session.renewal', work),
  })
  const storage = accountStorage(session.userId)
  const matrix = makeMatrixClient(http)
  const connect = (): LiveConnection => {
    const connection = makeLiveConnection({
      connectLive: () => platform.connectLive(),
      readLiveToken: matrix.readLiveToken,
      onResumed: (handler) => platform.onResumed(handler),
      // The channel says so first; a request then finds out whether the login itself is gone.
      onSignedOut: () =>
        void matrix.whoAmI().then(
          () => connection.restart(),
          // An account that was locked meanwhile is still signed in.
          (error: unknown) => isLocked(error) && connection.restart(),
        ),
    })
    return connection
  }
  const connection = connect()
  const encryption = makeEncryption({
    session,
    http,
    storage,
    // A channel of its own: that of the window has no live query to spare.
    inbox: async () => {
      const { makeDeviceInbox } = await import('../live/device-inbox.js')
      return makeDeviceInbox({
        connection: connect(),
        http,
        storage,
        userId: session.userId,
        deviceId: session.deviceId,
      })
    },
    isListedEncrypted: (roomId) => live.lines.get().rooms?.get(roomId)?.encrypted,
    readMembers: (roomId) => readMembers(live, matrix, roomId),
  })
  const live = makeLiveData(connection, matrix, session.userId, {
    events: encryption.events,
    loadPreviewOf: async () => (await import('../features/chat/message-preview.js')).previewOf,
  })
  return {
    session,
    matrix,
    live,
    encryption,
    storage,
    lastRoom: makeLastRoom(storage),
    outbox: makeOutbox(storage, {
      async sendEvent(roomId, type, content, txnId, signal) {
        const sealed = await encryption.seal(roomId, type, content)
        signal?.throwIfAborted()
        return matrix.sendEvent(roomId, sealed.type, sealed.content, txnId, signal)
      },
      upload: matrix.media.upload,
      sealFile: encryption.sealFile,
      hashTxn: (txnId) => hashTxn(connection.sid(), txnId),
    }),
    async signOut() {
      isOver = true
      await logOut(http).catch(() => undefined) // the server may be gone; this device forgets anyway
      await Promise.race([encryption.stop().then(() => forgetKeysOf(session)), patience()])
      onEnd(false)
      forgetAccount(session.userId)
      navigate('/', 'replace') // who signs in next begins at their own beginning
    },
  }
}

/** A tab that will not let go of the keys must not keep anybody from signing out. */
const patience = () => new Promise((resolve) => setTimeout(resolve, 3_000))

const forgetKeysOf = async (session: LoginSession) => (await import('../encryption/store-key.js')).forgetKeys(session)

/** So few are asked for anew each time: live rows may be a moment behind, and who was invited just now must get the key. */
const fewMembers = 200

/** Who is in a room, as the server says now; of a large room, the members that are watched where they are all there. */
async function readMembers(live: LiveData, matrix: MatrixClient, roomId: string): Promise<readonly Member[]> {
  const line = live.lines.get().rooms?.get(roomId)
  const open = live.openMembers(roomId)
  if (line && open?.isComplete && open.members.size > fewMembers) {
    const watched = [...open.members.values()].flatMap(({ user_id: userId, membership }) =>
      membership === 'join' || membership === 'invite' ? [{ userId, membership }] : [],
    )
    const joined = watched.filter(({ membership }) => membership === 'join').length
    if (joined === line.joined_count && watched.length - joined === line.invited_count) return watched
  }
  return matrix.readMembers(roomId)
}

/** Calls once when the window has nothing to do. Returns a function that stops it. */
function whenIdle(work: () => void): () => void {
  const timer = setTimeout(() => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(() => work(), { timeout: 3_000 })
    else work()
  }, 300)
  return () => clearTimeout(timer)
}

/** The room that was open last: each tab goes on from its own, a new one from what was written last. */
function makeLastRoom(storage: AccountStorage): Store<string | undefined> {
  const stored = storage.read('last_room')
  const store = makeStore(typeof stored === 'string' ? stored : undefined)
  store.subscribe(() => storage.write('last_room', store.get()))
  return store
}
