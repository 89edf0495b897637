/**
 * The app from outside in: first run, signed out, signed in.
 *
 * Changing the language or the account draws everything below anew (`key`).
 */
import { lazy, Suspense, useCallback, useEffect, useState } from 'react'
import { makeHttp, withoutSession } from '../platform/matrix/http.js'
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
import { readSetupNeeded } from './setup-state.js'
import { SignIn } from './sign-in.js'
import { SignedIn } from './signed-in.js'

const Onboarding = lazy(() => import('../features/onboarding/index.js'))

/** Without a session: requests that need none. */
const publicHttp = makeHttp(undefined, withoutSession)

export function App() {
  const { language } = usePreferences()
  const [session, setSession] = useState(readLoginSession)
  const [wasSignedOut, setWasSignedOut] = useState(false)
  useEffect(followAddress, [])
  useEffect(() => {
    // Signing in or out in another tab of this browser counts here too.
    const take = () => setSession((before) => keepSame(before, readLoginSession()))
    window.addEventListener('storage', take)
    return () => window.removeEventListener('storage', take)
  }, [])

  const start = useCallback((next: LoginSession) => {
    storeLoginSession(next)
    setWasSignedOut(false)
    setSession(next)
  }, [])
  const end = useCallback((byServer: boolean) => {
    storeLoginSession(undefined)
    setWasSignedOut(byServer)
    setSession(undefined)
  }, [])

  return (
    <TipProvider>
      <ErrorBoundary key={`${language} ${session?.userId} ${session?.deviceId}`}>
        {session ? (
          <SignedIn initialSession={session} onEnd={end} />
        ) : (
          <Outside wasSignedOut={wasSignedOut} onSession={start} />
        )}
      </ErrorBoundary>
      <Toasts />
    </TipProvider>
  )
}

/** Before sign-in: the first-run questions when the server is new, else the sign-in page. */
function Outside({ wasSignedOut, onSession }: { wasSignedOut: boolean; onSession: (session: LoginSession) => void }) {
  const [isNew, setIsNew] = useState<boolean>()
  useEffect(() => {
    let isWanted = true
    readSetupNeeded(publicHttp).then((needed) => isWanted && setIsNew(needed))
    return () => {
      isWanted = false
    }
  }, [])
  if (isNew === undefined) return null
  if (!isNew) return <SignIn http={publicHttp} wasSignedOut={wasSignedOut} onSession={onSession} />
  return (
    <Suspense fallback={null}>
      <Onboarding http={publicHttp} onSession={onSession} />
    </Suspense>
  )
}

/** A renewed token of the same login is no reason to build everything anew. */
const keepSame = (before: LoginSession | undefined, next: LoginSession | undefined) =>
  isSameLogin(before, next) ? before : next
