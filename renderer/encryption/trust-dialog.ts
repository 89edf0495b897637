/** Lets any part of the window open a dialog about trust; the frame of the window shows it. */
import { makeStore } from '../live/store.js'
import type { AccountState } from './types.js'

export type TrustDialog =
  /** A new recovery key. */
  | { kind: 'recovery' }
  /** This device, by another one or by recovery key. */
  | { kind: 'verify' }
  /** Keys as a file. */
  | { kind: 'exportKeys' }
  | { kind: 'importKeys' }
  /** Keys would be lost with this device. */
  | { kind: 'signOut' }
  | { kind: 'person'; userId: string; name: string }
  /** A verification that was begun here. */
  | { kind: 'flow'; flowId: string }

export const trustDialog = makeStore<TrustDialog | undefined>(undefined)
export const openTrustDialog = (dialog: TrustDialog) => trustDialog.set(dialog)

/** Whether signing out here would make messages unreadable that can be read now. */
export const wouldLoseKeys = (account: AccountState | undefined): boolean =>
  account !== undefined &&
  account.backup.total > 0 &&
  !(account.hasRecovery && account.backup.isOn && account.backup.backedUp >= account.backup.total)
