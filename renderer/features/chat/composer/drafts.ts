/** What was written and not sent, per room; survives a reload. */
import type { Mention } from './markdown.js'

export type Draft = { text: string; mentions: Mention[]; replyTo?: string }

const storageKey = 'hearth.drafts'
const saveAfterMs = 400
let drafts: Record<string, Draft> | undefined
let timer: ReturnType<typeof setTimeout> | undefined

function all(): Record<string, Draft> {
  if (drafts) return drafts
  try {
    drafts = JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Record<string, Draft>
  } catch {
    drafts = {}
  }
  return drafts
}

export const readDraft = (roomId: string): Draft => all()[roomId] ?? { text: '', mentions: [] }

export function storeDraft(roomId: string, draft: Draft): void {
  if (draft.text || draft.replyTo) all()[roomId] = draft
  else delete all()[roomId]
  clearTimeout(timer)
  timer = setTimeout(save, saveAfterMs)
}

function save(): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(all()))
  } catch {
    // storage is full or forbidden: the drafts last as long as the window
  }
}

if (typeof window !== 'undefined') window.addEventListener('pagehide', save)
