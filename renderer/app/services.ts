/** What the signed-in part of the app is made of, handed down once. */
import { createContext, useContext } from 'react'
import type { Encryption } from '../encryption/encryption.js'
import type { LiveData } from '../live/live-data.js'
import type { Store } from '../live/store.js'
import type { AccountStorage } from '../platform/account-storage.js'
import type { MatrixClient } from '../platform/matrix/client.js'
import type { LoginSession } from '../platform/matrix/login-session.js'
import type { Outbox } from '../platform/matrix/outbox.js'

export type Services = {
  session: LoginSession
  matrix: MatrixClient
  live: LiveData
  outbox: Outbox
  encryption: Encryption
  /** What this account keeps on this device. */
  storage: AccountStorage
  lastRoom: Store<string | undefined>
  /** Ends the session on the server and on this device. */
  signOut(): Promise<void>
}

export const ServicesContext = createContext<Services | undefined>(undefined)

/** @throws Error outside the signed-in part of the app */
export function useServices(): Services {
  const services = useContext(ServicesContext)
  if (!services) throw new Error('not signed in')
  return services
}

/** For parts that are also shown before sign-in. */
export const useOptionalServices = () => useContext(ServicesContext)
