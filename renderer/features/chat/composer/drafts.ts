/** What was written and not sent, per account and room; survives a reload. */
import type { AccountStorage } from '../../../platform/account-storage.js'
import type { Mention } from './markdown.js'

export type Draft = { text: string; mentions: Mention[]; replyTo?: string }

const nameOf = (roomId: string) => `draft.${roomId}`

export function readDraft(storage: AccountStorage, roomId: string): Draft {
  const stored = storage.read(nameOf(roomId)) as Partial<Draft> | undefined
  return {
    text: typeof stored?.text === 'string' ? stored.text : '',
    mentions: Array.isArray(stored?.mentions) ? stored.mentions : [],
    ...(typeof stored?.replyTo === 'string' && { replyTo: stored.replyTo }),
  }
}

export function storeDraft(storage: AccountStorage, roomId: string, draft: Draft): void {
  storage.write(nameOf(roomId), draft.text || draft.replyTo ? draft : undefined)
}
