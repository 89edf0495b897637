/** The signed-in user's own name and picture; read once, changed here. */
import { useEffect } from 'react'
import { makeStore, useStore } from '../live/store.js'
import type { Profile } from '../platform/matrix/account.js'
import { useServices } from './services.js'

const store = makeStore<{ of?: string; profile: Profile }>({ profile: {} })
const nobody: Profile = {}

export function useMyProfile(): Profile {
  const { matrix, session } = useServices()
  const { of, profile } = useStore(store)
  useEffect(() => {
    if (store.get().of === session.userId) return
    matrix.readProfile(session.userId).then(
      (read) => store.set({ of: session.userId, profile: read }),
      () => undefined, // shown by ID until the next start
    )
  }, [matrix, session])
  return of === session.userId ? profile : nobody
}

/** What was just saved is shown at once. */
export const showMyProfile = (userId: string, changes: Profile) =>
  store.set({ of: userId, profile: { ...store.get().profile, ...changes } })
