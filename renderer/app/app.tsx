/**
 * The app from outside in: first run, signed out, signed in.
 *
 * Changing the language or the account draws everything below anew (`key`).
 */
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { useStore } from '../live/store.js'
import { invitation, takeAddressSecrets } from '../platform/address-secrets.js'
import { makeHttp, withoutSession } from '../platform/matrix/http.js'
import { logOut } from '../platform/matrix/login.js'
import {
  isSameLogin,
  type LoginSession,
  readLoginSession,
  storeLoginSession,
} from '../platform/matrix/login-session.js'
import { TipProvider } from '../ui/tip.js'
import { Toasts } from '../ui/toast.js'
import { ErrorBoundary } from './error-boundary.js'
import { usePreferences } from './preferences.js'
import { followAddress } from './route.js'
import { readServerState, type ServerState } from './server-state.js'
import { SignIn } from './sign-in.js'
import { SignedIn } from './signed-in.js'

const Onboarding = lazy(() => import('../features/onboarding/index.js'))
const InvitationPage = lazy(() => import('../features/invitation/index.js'))
const SignedInAlready = lazy(() => import('../features/invitation/signed-in-already.js'))

/** Without a session: requests that need none. */
const publicHttp = makeHttp(undefined, withoutSession)

export function App() {
  const { language } = usePreferences()
  const [session, setSession] = useState(readLoginSession)
  const [wasSignedOut, setWasSignedOut] = useState(false)
  /** Typed a moment ago, for the page that asks for another one. */
  const [password, setPassword] = useState<string>()
  const token = useStore(invitation)
  useEffect(() => {
    // An invitation may be opened in a tab that is here already.
    window.addEventListener('hashchange', takeAddressSecrets)
    const stop = followAddress()
    return () => {
      window.removeEventListener('hashchange', takeAddressSecrets)
      stop()
    }
  }, [])
  useEffect(() => {
    // Signing in or out in another tab of this browser counts here too.
    const take = () => setSession((before) => keepSame(before, readLoginSession()))
    window.addEventListener('storage', take)
    return () => window.removeEventListener('storage', take)
  }, [])

  const start = useCallback((next: LoginSession, typed?: string) => {
    storeLoginSession(next)
    setPassword(typed)
    setWasSignedOut(false)
    setSession(next)
  }, [])
  const end = useCallback((byServer: boolean) => {
    storeLoginSession(undefined)
    setPassword(undefined)
    setWasSignedOut(byServer)
    setSession(undefined)
  }, [])

  return (
    <TipProvider>
      <ErrorBoundary key={`${language} ${session?.userId} ${session?.deviceId}`}>
        {session && token !== undefined && (
          <Suspense fallback={null}>
            <SignedInAlready
              userId={session.userId}
              onSignOut={() => {
                void logOut(makeHttp(session, withoutSession)).catch(() => undefined)
                end(false)
              }}
            />
          </Suspense>
        )}
        {session && token === undefined && <SignedIn initialSession={session} typedPassword={password} onEnd={end} />}
        {!session && <Outside token={token} wasSignedOut={wasSignedOut} onSession={start} />}
      </ErrorBoundary>
      <Toasts />
    </TipProvider>
  )
}

type OutsideProps = {
  token: string | undefined
  wasSignedOut: boolean
  onSession: (session: LoginSession, password?: string) => void
}

/** Before sign-in: the first-run questions when the server is new, an invitation, else the sign-in page. */
function Outside({ token, wasSignedOut, onSession }: OutsideProps) {
  const [server, setServer] = useState<ServerState>()
  useEffect(() => {
    let isWanted = true
    readServerState(publicHttp).then((state) => isWanted && setServer(state))
    return () => {
      isWanted = false
    }
  }, [])
  if (server === undefined) return null
  return (
    <Suspense fallback={null}>
      {server.isNew && <Onboarding http={publicHttp} onSession={onSession} />}
      {!server.isNew && token !== undefined && <InvitationPage http={publicHttp} token={token} onSession={onSession} />}
      {!server.isNew && token === undefined && (
        <SignIn http={publicHttp} serverName={server.serverName} wasSignedOut={wasSignedOut} onSession={onSession} />
      )}
    </Suspense>
  )
}

/** A renewed token of the same login is no reason to build everything anew. */
const keepSame = (before: LoginSession | undefined, next: LoginSession | undefined) =>
  isSameLogin(before, next) ? before : next
