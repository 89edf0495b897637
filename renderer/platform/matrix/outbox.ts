/**
 * What this device is sending: local echoes, in the order they were written.
 *
 * One event at a time per room, so that messages arrive in the order of sending. Each keeps its
 * transaction ID through every retry, so the server takes it once. When the server does not answer
 * the rest waits; what it refuses is failed, to be retried or deleted by the user. Texts that wait
 * survive a reload; files do not. Each tab keeps its own list; what a tab left behind is taken over by the next
 * one of the same account, and sending it twice does no harm: the transaction ID is the same.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
import { makeStore, type Store } from '../../live/store.js'
import type { AccountStorage } from '../account-storage.js'
import { randomId } from '../random-id.js'
import { holdWhileOpen, whenFree } from '../tabs.js'
import { timerMs } from '../timer-ms.js'
import type { EncryptedFile } from './encrypted-file.js'
import { isTemporary, MatrixRequestError } from './errors.js'
import { newTxnId } from './events.js'
import type { Media } from './media.js'

export type OutboxItem = {
  txnId: string
  roomId: string
  type: string
  content: Record<string, unknown>
  createdAt: number
  /** `sent`: the server has it; it goes when its row arrives. */
  status: 'waiting' | 'sending' | 'failed' | 'sent'
  /** As the row of the event will carry it; undefined where it cannot be computed. */
  txnHash?: string
  eventId?: string
  error?: unknown
  /** A file that goes up first. */
  upload?: { file: Blob; fileName: string; thumbnail?: Blob /** 0–1 */; progress: number; previewUrl?: string }
}

export const isUploaded = ({ content }: OutboxItem) => content.url !== undefined || content.file !== undefined

export type Outbox = {
  store: Store<readonly OutboxItem[]>
  send(roomId: string, type: string, content: Record<string, unknown>): string
  sendFile(
    roomId: string,
    content: Record<string, unknown>,
    upload: Omit<NonNullable<OutboxItem['upload']>, 'progress'>,
  ): string
  /** A stable key for an event: what it was called while it was an echo, else its ID. */
  keyOf(eventId: string): string
  retry(txnId: string): void
  /** Forgets it; an upload under way is stopped. */
  remove(txnId: string): void
  /** Tries at once what waits, e.g. when the connection is back. */
  wake(): void
  stop(): void
}

type OutboxNeeds = {
  sendEvent(roomId: string, type: string, content: object, txnId: string, signal?: AbortSignal): Promise<string>
  upload: Media['upload']
  /** Where the room is encrypted: what goes up in place of a file, and what the message says of it. */
  sealFile(roomId: string, file: Blob): Promise<{ blob: Blob; file: Omit<EncryptedFile, 'url'> } | undefined>
  /** What the row of the event will carry for this transaction; undefined where it cannot be known. */
  hashTxn(txnId: string): Promise<string | undefined>
}

/** One entry per tab, named by it. */
const entryBeginning = 'outbox.'
const firstWaitMs = 1_000
const longestWaitMs = 20_000
/** A sent echo whose row never arrives (hidden by an ignore rule, say) goes after this. */
const sentLingersMs = 60_000

export function makeOutbox(storage: AccountStorage, needs: OutboxNeeds): Outbox {
  const store = makeStore<readonly OutboxItem[]>([])
  const ownEntry = entryBeginning + randomId()
  const busyRooms = new Set<string>()
  const aborts = new Map<string, AbortController>()
  const txnIds = new Map<string, string>() // by the event each became
  let wakeAll: (() => void)[] = []
  let isStopped = false

  function change(txnId: string, changes: Partial<OutboxItem>): void {
    store.update((items) => items.map((item) => (item.txnId === txnId ? { ...item, ...changes } : item)))
    persist()
  }

  function persist(): void {
    const kept = store
      .get()
      .filter((item) => !item.upload && item.status !== 'sent')
      .map(({ error: _, ...item }) => item)
    storage.write(ownEntry, kept.length === 0 ? undefined : kept)
  }

  /** What a tab that is gone did not get to send. */
  function takeOver(entry: string): void {
    if (isStopped) return
    const known = new Set(store.get().map(({ txnId }) => txnId))
    const left = readItems(storage.read(entry)).filter(({ txnId }) => !known.has(txnId))
    storage.write(entry, undefined)
    store.update((items) => [...left, ...items])
    persist()
    for (const roomId of new Set(left.map((item) => item.roomId))) void work(roomId)
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timerMs(ms))
      wakeAll.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })

  async function withMedia(item: OutboxItem, signal: AbortSignal): Promise<Record<string, unknown>> {
    const { upload } = item
    if (!upload || isUploaded(item)) return item.content
    const put = async (file: Blob, options: Parameters<Media['upload']>[1]) => {
      const sealed = await needs.sealFile(item.roomId, file)
      if (!sealed) return { url: await needs.upload(file, options) }
      const { fileName: _, ...rest } = options ?? {}
      return { file: { ...sealed.file, url: await needs.upload(sealed.blob, rest) } }
    }
    const main = await put(upload.file, {
      fileName: upload.fileName,
      signal,
      onProgress: (progress) => change(item.txnId, { upload: { ...upload, progress } }),
    })
    const small = upload.thumbnail && (await put(upload.thumbnail, { signal }))
    const thumbnail = small && ('url' in small ? { thumbnail_url: small.url } : { thumbnail_file: small.file })
    const content = { ...item.content, ...main, info: { ...(item.content.info as object), ...thumbnail } }
    change(item.txnId, { content }) // a retry must not upload again
    return content
  }

  async function sendOne(item: OutboxItem): Promise<void> {
    const abort = new AbortController()
    aborts.set(item.txnId, abort)
    const txnHash = await needs.hashTxn(item.txnId)
    change(item.txnId, { status: 'sending', ...(txnHash ? { txnHash } : {}) })
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      try {
        const content = await withMedia(item, abort.signal)
        const eventId = await needs.sendEvent(item.roomId, item.type, content, item.txnId, abort.signal)
        txnIds.set(eventId, item.txnId)
        change(item.txnId, { status: 'sent', eventId })
        setTimeout(() => remove(item.txnId), sentLingersMs)
        return
      } catch (error) {
        if (abort.signal.aborted || isStopped) return
        if (!isTemporary(error)) return change(item.txnId, { status: 'failed', error })
        change(item.txnId, { status: 'waiting', error })
        await pause(error instanceof MatrixRequestError ? (error.retryAfterMs ?? waitMs) : waitMs)
        const present = store.get().find((other) => other.txnId === item.txnId)
        if (!present || isStopped) return
        item = present
      } finally {
        if (abort.signal.aborted) aborts.delete(item.txnId)
      }
    }
  }

  async function work(roomId: string): Promise<void> {
    if (busyRooms.has(roomId)) return
    busyRooms.add(roomId)
    try {
      for (;;) {
        const next = store.get().find((item) => item.roomId === roomId && item.status === 'waiting')
        if (!next || isStopped) return
        await sendOne(next)
        aborts.delete(next.txnId)
      }
    } finally {
      busyRooms.delete(roomId)
    }
  }

  function add(item: OutboxItem): string {
    store.update((items) => [...items, item])
    persist()
    void work(item.roomId)
    return item.txnId
  }

  function remove(txnId: string): void {
    aborts.get(txnId)?.abort()
    const item = store.get().find((each) => each.txnId === txnId)
    if (item?.upload?.previewUrl) URL.revokeObjectURL(item.upload.previewUrl)
    store.update((items) => items.filter((each) => each.txnId !== txnId))
    persist()
  }

  const make = (roomId: string, type: string, content: Record<string, unknown>): OutboxItem => ({
    txnId: newTxnId(),
    roomId,
    type,
    content,
    createdAt: Date.now(),
    status: 'waiting',
  })

  holdWhileOpen(lockOf(ownEntry))
  for (const entry of storage.names(entryBeginning)) whenFree(lockOf(entry), () => takeOver(entry))

  return {
    store,
    send: (roomId, type, content) => add(make(roomId, type, content)),
    sendFile: (roomId, content, upload) =>
      add({ ...make(roomId, 'm.room.message', content), upload: { ...upload, progress: 0 } }),
    keyOf: (eventId) => txnIds.get(eventId) ?? eventId,
    retry(txnId) {
      const item = store.get().find((each) => each.txnId === txnId)
      if (!item) return
      change(txnId, { status: 'waiting', error: undefined })
      void work(item.roomId)
    },
    remove,
    wake() {
      for (const wake of wakeAll.splice(0)) wake()
    },
    stop() {
      isStopped = true
      for (const abort of aborts.values()) abort.abort()
      for (const wake of wakeAll.splice(0)) wake()
      wakeAll = []
    },
  }
}

const lockOf = (entry: string) => `hearth.${entry}`

function readItems(stored: unknown): OutboxItem[] {
  if (!Array.isArray(stored)) return []
  return (stored as OutboxItem[])
    .filter((item) => typeof item?.txnId === 'string' && typeof item.roomId === 'string')
    .map((item) => ({ ...item, status: item.status === 'failed' ? 'failed' : 'waiting' }))
}
