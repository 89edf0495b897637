/** Builds what a signed-in window is made of, once, starts it, and takes it down at sign-out. */
import { useEffect, useState } from 'react'
import { makeLiveConnection } from '../live/connection.js'
import { makeLiveData } from '../live/live-data.js'
import { makeStore, type Store } from '../live/store.js'
import { type AccountStorage, accountStorage, forgetAccount } from '../platform/account-storage.js'
import { platform } from '../platform/bridge.js'
import { makeMatrixClient } from '../platform/matrix/client.js'
import { makeHttp } from '../platform/matrix/http.js'
import { logOut } from '../platform/matrix/login.js'
import { type LoginSession, readLoginSession, storeLoginSession } from '../platform/matrix/login-session.js'
import { makeOutbox } from '../platform/matrix/outbox.js'
import { hashTxn } from '../platform/matrix/txn-hash.js'
import { inOneTab } from '../platform/tabs.js'
import { navigate } from './route.js'
import { type Services, ServicesContext } from './services.js'
import { Shell } from './shell.js'

type SignedInProps = {
  initialSession: LoginSession /** @param byServer the server ended it */
  onEnd: (byServer: boolean) => void
}

export function SignedIn({ initialSession, onEnd }: SignedInProps) {
  const [services] = useState(() => makeServices(initialSession, onEnd))
  useEffect(() => {
    services.live.connection.start()
    const stopWaking = services.live.connection.state.subscribe(() => {
      if (services.live.connection.state.get().kind === 'live') services.outbox.wake()
    })
    return () => {
      stopWaking()
      services.live.connection.stop()
      services.outbox.stop()
      services.matrix.media.clear()
    }
  }, [services])
  return (
    <ServicesContext value={services}>
      <Shell />
    </ServicesContext>
  )
}

function makeServices(session: LoginSession, onEnd: (byServer: boolean) => void): Services {
  const http = makeHttp(session, {
    onRenewed: storeLoginSession,
    onSignedOut: () => onEnd(true),
    readShared: readLoginSession,
    alone: (work) => inOneTab('hearth.session.renewal', work),
  })
  const storage = accountStorage(session.userId)
  const matrix = makeMatrixClient(http)
  const connection = makeLiveConnection({
    connectLive: () => platform.connectLive(),
    readLiveToken: matrix.readLiveToken,
    onResumed: (handler) => platform.onResumed(handler),
    // The channel says so first; a request then finds out whether the login itself is gone.
    onSignedOut: () =>
      void matrix.whoAmI().then(
        () => connection.restart(),
        () => undefined,
      ),
  })
  return {
    session,
    matrix,
    live: makeLiveData(connection, matrix, session.userId),
    storage,
    lastRoom: makeLastRoom(storage),
    outbox: makeOutbox(storage, {
      sendEvent: matrix.sendEvent,
      upload: matrix.media.upload,
      hashTxn: (txnId) => hashTxn(connection.sid(), txnId),
    }),
    async signOut() {
      await logOut(http).catch(() => undefined) // the server may be gone; this device forgets anyway
      onEnd(false)
      forgetAccount(session.userId)
      navigate('/', 'replace') // who signs in next begins at their own beginning
    },
  }
}

/** The room that was open last: each tab goes on from its own, a new one from what was written last. */
function makeLastRoom(storage: AccountStorage): Store<string | undefined> {
  const stored = storage.read('last_room')
  const store = makeStore(typeof stored === 'string' ? stored : undefined)
  store.subscribe(() => storage.write('last_room', store.get()))
  return store
}
