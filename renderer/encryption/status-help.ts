/** What helps where this page cannot encrypt, as a text's key. */
import type { EncryptionStatus } from './encryption.js'

const helps = { insecure: 'locked.insecureHelp', lost: 'locked.lostHelp', failed: 'locked.failedHelp' } as const

export const helpFor = (status: EncryptionStatus) => helps[status.kind === 'unavailable' ? status.reason : 'failed']
