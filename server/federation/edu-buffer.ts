/**
 * EDUs waiting for one destination, merged where a later one makes an earlier one pointless.
 *
 * Typing and presence are worth something only now: they are kept while the destination answers and
 * thrown away when it does not. Receipts outlive an outage: one per user, room and thread.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#edus
 */
import { type Edu, isEduOf } from './edu-shapes.js'

const maxEphemeral = 500
const maxReceipts = 2000

export type EduBuffer = {
  add(edu: Edu): void
  readonly size: number
  /** Takes out at most `limit` EDUs; receipts first. */
  take(limit: number): Edu[]
  dropEphemeral(): void
  /** What is to survive a restart, taken out. */
  takeLasting(): Edu[]
}

type Receipt = { roomId: string; userId: string; receipt: unknown; threadId: string }

export function makeEduBuffer(): EduBuffer {
  const ephemeral = new Map<string, Edu>()
  const presence = new Map<string, unknown>()
  const receipts = new Map<string, Receipt>()

  function addReceipts(edu: Edu): void {
    for (const receipt of receiptsIn(edu)) {
      const key = `${receipt.roomId}\u0000${receipt.threadId}\u0000${receipt.userId}`
      receipts.delete(key) // to the end: the newest survives the cap
      receipts.set(key, receipt)
      if (receipts.size > maxReceipts) receipts.delete(receipts.keys().next().value!)
    }
  }

  function takePresence(): Edu[] {
    if (presence.size === 0) return []
    const push = [...presence.values()]
    presence.clear()
    return [{ edu_type: 'm.presence', content: { push } }]
  }

  /** One EDU can say one receipt per user and room, so threads beyond the first go into further EDUs. */
  function takeReceipts(limit: number): Edu[] {
    const contents: Record<string, Record<string, Record<string, unknown>>>[] = []
    for (const [key, { roomId, userId, receipt }] of receipts) {
      let content = contents.find((each) => each[roomId]?.['m.read']?.[userId] === undefined)
      if (!content) {
        if (contents.length >= limit) break
        content = {}
        contents.push(content)
      }
      content[roomId] ??= { 'm.read': {} }
      content[roomId]['m.read']![userId] = receipt
      receipts.delete(key)
    }
    return contents.map((content) => ({ edu_type: 'm.receipt', content }))
  }

  return {
    add(edu) {
      if (edu.edu_type === 'm.receipt') addReceipts(edu)
      else if (isEduOf(edu, 'm.presence')) {
        for (const entry of edu.content.push) presence.set(entry.user_id, entry)
        while (presence.size > maxEphemeral) presence.delete(presence.keys().next().value!)
      } else {
        const key = isEduOf(edu, 'm.typing')
          ? `typing ${edu.content.room_id} ${edu.content.user_id}`
          : JSON.stringify(edu)
        ephemeral.delete(key)
        ephemeral.set(key, edu)
        if (ephemeral.size > maxEphemeral) ephemeral.delete(ephemeral.keys().next().value!)
      }
    },
    get size() {
      return ephemeral.size + presence.size + receipts.size
    },
    take(limit) {
      const taken = takeReceipts(limit)
      if (taken.length < limit) taken.push(...takePresence())
      for (const [key, edu] of ephemeral) {
        if (taken.length >= limit) break
        taken.push(edu)
        ephemeral.delete(key)
      }
      return taken
    },
    dropEphemeral() {
      ephemeral.clear()
      presence.clear()
    },
    takeLasting: () => takeReceipts(Number.POSITIVE_INFINITY),
  }
}

function* receiptsIn(edu: Edu): Generator<Receipt> {
  for (const [roomId, byType] of Object.entries(
    edu.content as Record<string, Record<string, Record<string, unknown>>>,
  )) {
    for (const [userId, receipt] of Object.entries(byType['m.read'] ?? {})) {
      const threadId = (receipt as { data?: { thread_id?: string } }).data?.thread_id ?? ''
      yield { roomId, userId, receipt, threadId }
    }
  }
}
