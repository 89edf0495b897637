/**
 * The signing keys of other homeservers: remembered, stored, fetched from the server itself, and
 * where it cannot be reached from a trusted notary.
 *
 * Looking is free of waiting (`find`), so that a whole batch of events is verified in one go;
 * `fetch` makes wanted keys known beforehand. The same question is not put again at once, another one (a key
 * of which nothing was known, a longer validity) is, but only so often: forged events with made-up key IDs
 * cost a few requests a minute.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys
 */
import { LRUCache } from 'lru-cache'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import { type FindVerifyKey, type VerifyKey, verifyJson } from '../events/signatures.js'
import type { Clock } from '../kernel/clock.js'
import type { ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { Database } from '../store/reader.js'
import { readServerKeys, type ServerKeyRow, setServerKey } from '../store/server-key-store.js'
import { maxKeyTrustMs, readServerKeysDocument, type ServerKeysDocument } from './server-keys-document.js'
import type { SigningKeys } from './signing-key.js'

export type WantedKey = {
  serverName: ServerName
  keyId: string
  /** The key must have been valid at this time, ms since the epoch; absent: now. */
  validAt?: number
}

/** Asks for key documents over the network; each throws where there is no answer. */
export type AskForKeys = {
  /** `GET /_matrix/key/v2/server` of the server itself. */
  direct(serverName: ServerName, signal?: AbortSignal): Promise<JsonObject>
  /** `POST /_matrix/key/v2/query` of a notary: its `server_keys`. */
  notary(notary: ServerName, wanted: readonly Required<WantedKey>[], signal?: AbortSignal): Promise<JsonObject>
}

export type KeyRing = {
  /** What is in memory. */
  find: FindVerifyKey
  /** Makes keys known as far as they can be had. Never throws; look again with `find`. */
  fetch(wanted: readonly WantedKey[], signal?: AbortSignal): Promise<void>
  /**
   * The newest documents of a server as it signed them, for a notary's answer. Asks the server where what is
   * known does not reach to `validAt`; empty where nothing is known at all.
   */
  readDocuments(serverName: ServerName, validAt: number): Promise<JsonObject[]>
}

type Needs = {
  db: Database
  clock: Clock
  log: Logger
  serverName: ServerName
  signingKeys: SigningKeys
  ask: AskForKeys
  trustedKeyServers: readonly ServerName[]
}

const maxServers = 5000
const parallel = 20
const retry = { firstMs: 60_000, maxMs: 3_600_000 }
const questions = { most: 3, perMs: 60_000 }

type KnownServer = {
  keys: Map<string, ServerKeyRow>
  failures: number
  /** After a failure: when it may be asked again. */
  retryAt: number
  /** Since when it has been asked how often, and for which keys valid until when. */
  asked: { since: number; times: number; keys: Map<string, number> }
}

/** Any key: what a notary's client asks for. */
const anyKey = ''

export function makeKeyRing(needs: Needs): KeyRing {
  const { db, clock, log } = needs
  const servers = new LRUCache<ServerName, KnownServer>({ max: maxServers })
  const loading = new Map<ServerName, Promise<KnownServer>>()
  const asking = new Map<ServerName, Promise<void>>()
  const own = ownKeys(needs)

  const find: FindVerifyKey = (serverName, keyId) => {
    if (serverName === needs.serverName) return own.get(keyId)
    const row = servers.get(serverName)?.keys.get(keyId)
    return (
      row && {
        publicKey: row.key,
        validUntilTs: row.valid_until_ts,
        ...(row.expired_ts !== undefined && { expiredTs: row.expired_ts }),
      }
    )
  }

  function isKnown({ serverName, keyId, validAt = clock.now() }: WantedKey): boolean {
    const key = find(serverName, keyId)
    if (!key) return false
    // Beyond seven days no document is believed, so asking for more would never end.
    return key.expiredTs !== undefined || key.validUntilTs >= Math.min(validAt, clock.now() + maxKeyTrustMs)
  }

  async function load(serverName: ServerName): Promise<KnownServer> {
    const known = servers.get(serverName)
    if (known) return known
    let read = loading.get(serverName)
    if (!read) {
      read = readServerKeys(db, serverName)
        .then((rows) => {
          const keys = new Map(rows.map((row) => [row.key_id, row]))
          const server = { keys, failures: 0, retryAt: 0, asked: { since: 0, times: 0, keys: new Map() } }
          servers.set(serverName, server)
          return server
        })
        .finally(() => loading.delete(serverName))
      loading.set(serverName, read)
    }
    return read
  }

  async function keep(document: ServerKeysDocument): Promise<void> {
    const server = await load(document.serverName)
    const changed = rowsOf(document, clock.now()).filter((row) => isNews(row, server.keys.get(row.key_id)))
    for (const row of changed) server.keys.set(row.key_id, row)
    if (changed.length > 0)
      await db.commit(() => ({ writes: changed.map(setServerKey), changes: [], result: undefined }))
  }

  async function askDirectly(serverName: ServerName, signal?: AbortSignal): Promise<void> {
    const server = await load(serverName)
    try {
      const document = readServerKeysDocument(await needs.ask.direct(serverName, signal), serverName)
      if (!document) throw new Error('its key document is not signed by itself')
      server.failures = 0
      await keep(document)
    } catch (error) {
      server.failures++
      server.retryAt = clock.now() + Math.min(retry.firstMs * 2 ** (server.failures - 1), retry.maxMs)
      log.info({ server: serverName, err: (error as Error).message }, 'signing keys could not be fetched')
    }
  }

  /**
   * Whether it may be asked now: not soon after it failed, nor for what it has just been asked for. A question
   * that is under way is joined: who turned away from it would take the key for unknown while it comes.
   */
  function mayAsk(serverName: ServerName, wanted: readonly WantedKey[]): boolean {
    const server = servers.get(serverName)
    if (!server || asking.has(serverName)) return true
    if (server.failures > 0) return server.retryAt <= clock.now()
    const { since, times, keys } = server.asked
    if (clock.now() - since >= questions.perMs) return true
    return times < questions.most && wanted.some(({ keyId, validAt }) => (keys.get(keyId) ?? -1) < timeOf(validAt))
  }

  /** Without a time it is a question about now, and now goes on. */
  const timeOf = (validAt: number | undefined) => validAt ?? 0

  function noteAsked({ asked }: KnownServer, wanted: readonly WantedKey[], isNew: boolean): void {
    if (clock.now() - asked.since >= questions.perMs) {
      asked.since = clock.now()
      asked.times = 0
      asked.keys.clear()
    }
    if (isNew) asked.times++
    for (const { keyId, validAt } of wanted)
      asked.keys.set(keyId, Math.max(asked.keys.get(keyId) ?? 0, timeOf(validAt)))
  }

  /** One request at a time per server, whoever asks. */
  function askOnce(serverName: ServerName, wanted: readonly WantedKey[], signal?: AbortSignal): Promise<void> {
    let asked = asking.get(serverName)
    const server = servers.get(serverName)
    if (server) noteAsked(server, wanted, asked === undefined)
    if (!asked) {
      asked = askDirectly(serverName, signal).finally(() => asking.delete(serverName))
      asking.set(serverName, asked)
    }
    return asked
  }

  async function askNotaries(wanted: readonly WantedKey[], signal?: AbortSignal): Promise<void> {
    let left = wanted
    for (const notary of needs.trustedKeyServers) {
      left = left.filter((key) => !isKnown(key) && key.serverName !== notary)
      if (left.length === 0 || notary === needs.serverName) continue
      try {
        await load(notary)
        const question = left.map((key) => ({ ...key, validAt: key.validAt ?? clock.now() }))
        const answer = await needs.ask.notary(notary, question, signal)
        await keepAll(notary, Array.isArray(answer.server_keys) ? answer.server_keys : [], question, signal)
      } catch (error) {
        log.info({ notary, err: (error as Error).message }, 'a notary did not answer')
      }
    }
  }

  async function keepAll(notary: ServerName, documents: unknown[], wanted: readonly WantedKey[], signal?: AbortSignal) {
    const asked = new Set(wanted.map((key) => key.serverName))
    for (const value of documents.slice(0, 10 * asked.size)) {
      const document = readServerKeysDocument(value)
      if (!document || !asked.has(document.serverName)) continue
      if (await isSignedBy(notary, document.signed, signal)) await keep(document)
      else log.warn({ notary, server: document.serverName }, 'a notary sent keys that it did not sign')
    }
  }

  async function isSignedBy(notary: ServerName, document: JsonObject, signal?: AbortSignal): Promise<boolean> {
    const signatures = isJsonObject(document.signatures) ? document.signatures[notary] : undefined
    const keyIds = isJsonObject(signatures) ? Object.keys(signatures).slice(0, 10) : []
    const wanted = keyIds.map((keyId) => ({ serverName: notary, keyId }))
    if (!keyIds.some((keyId) => find(notary, keyId)) && mayAsk(notary, wanted)) await askOnce(notary, wanted, signal)
    return keyIds.some((keyId) => {
      const key = find(notary, keyId)
      return key !== undefined && verifyJson(document, notary, keyId, key.publicKey)
    })
  }

  async function fetch(wanted: readonly WantedKey[], signal?: AbortSignal): Promise<void> {
    const names = new Set(wanted.map((key) => key.serverName))
    names.delete(needs.serverName)
    await inParallel([...names], (name) => load(name))
    const missing = wanted.filter((key) => key.serverName !== needs.serverName && !isKnown(key))
    const due = new Map<ServerName, WantedKey[]>()
    for (const key of missing) due.set(key.serverName, [...(due.get(key.serverName) ?? []), key])
    for (const [name, keys] of due) if (!mayAsk(name, keys)) due.delete(name)
    if (due.size === 0) return
    await inParallel([...due], ([name, keys]) => askOnce(name, keys, signal))
    await askNotaries(
      missing.filter((key) => due.has(key.serverName) && !isKnown(key)),
      signal,
    )
  }

  return {
    find,
    async fetch(wanted, signal) {
      try {
        await fetch(wanted, signal)
      } catch (error) {
        log.error({ err: error }, 'fetching signing keys failed')
      }
    },
    async readDocuments(serverName, validAt) {
      const server = await load(serverName)
      const rows = () => [...server.keys.values()]
      const isFresh = rows().some(
        (row) => row.valid_until_ts >= validAt && clock.now() - row.fetched_at < halfLife(row),
      )
      const wanted = [{ serverName, keyId: anyKey, validAt }]
      if (!isFresh && mayAsk(serverName, wanted)) await askOnce(serverName, wanted)
      return [...new Set(rows().map((row) => row.document))].map((text) => JSON.parse(text) as JsonObject)
    },
  }
}

/** A notary caches an answer for half of its lifetime. */
const halfLife = (row: ServerKeyRow) => (row.valid_until_ts - row.fetched_at) / 2

function ownKeys({ signingKeys }: Needs): Map<string, VerifyKey> {
  const { current, retired } = signingKeys
  const keys = new Map<string, VerifyKey>()
  for (const { keyId, publicKeyBase64, expiredTs } of retired)
    keys.set(keyId, { publicKey: publicKeyBase64, validUntilTs: expiredTs, expiredTs })
  keys.set(current.keyId, { publicKey: current.publicKeyBase64, validUntilTs: Number.MAX_SAFE_INTEGER })
  return keys
}

const rowsOf = ({ serverName, validUntilTs, keys, signed }: ServerKeysDocument, now: number): ServerKeyRow[] =>
  keys.map(({ keyId, key, expiredTs }) => ({
    server_name: serverName,
    key_id: keyId,
    key,
    valid_until_ts: Math.min(validUntilTs, now + maxKeyTrustMs),
    ...(expiredTs !== undefined && { expired_ts: expiredTs }),
    document: JSON.stringify(signed),
    fetched_at: now,
  }))

/** A notary's older copy must not shorten what is known already. */
function isNews(row: ServerKeyRow, known: ServerKeyRow | undefined): boolean {
  if (!known) return true
  if (row.expired_ts !== undefined) return known.expired_ts !== row.expired_ts
  return known.expired_ts === undefined && row.valid_until_ts > known.valid_until_ts
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items]
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await run(item)
  }
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker))
}
