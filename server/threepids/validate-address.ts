/**
 * Showing that an address is one's own: the client begins a session with a secret of its choice, a mail brings a token
 * to the address, and whoever has it confirms. From then on the session, shown with its secret, is the proof.
 *
 * A session's ID follows from secret and address, so that a repeated request finds it, whichever way it came.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#adding-account-administrative-contact-information
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { Logger } from '../kernel/logger.js'
import type { SendMail } from '../outbound/send-mail.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Database } from '../store/reader.js'
import {
  deleteThreepidSession,
  type Medium,
  readExpiredThreepidSessions,
  readThreepidSession,
  setThreepidSession,
  type ThreepidSessionRow,
} from '../store/threepid-store.js'
import { hashToken, newToken } from '../users/tokens.js'
import { type Purpose, writeMail } from './mails.js'

/** How long a session is good, in milliseconds, from its last mail on. */
const lifetimeMs = 30 * 60_000
/** Mails within an hour: to one address, and altogether. Nobody floods a stranger's mailbox from here. */
const mailsAnHour = { address: 5, all: 100 }
const hourMs = 60 * 60_000

export type ValidatedAddress = { medium: Medium; address: string; validatedAt: number }
export type Credentials = { sid: string; client_secret: string }

export type ValidateAddress = {
  /**
   * Sends a mail unless that attempt's was sent before.
   *
   * @returns the session's ID
   * @throws MatrixError 400 `M_THREEPID_MEDIUM_NOT_SUPPORTED` without a mail server, 429 `M_LIMIT_EXCEEDED`, 502 `M_UNKNOWN` when it did not go out
   */
  requestEmailToken(request: EmailTokenRequest): Promise<string>
  /** What the mail's token opens; undefined for one that is wrong, old or replaced. @param confirm makes the address validated */
  openMailLink(
    link: { sid: string; token: string },
    confirm: boolean,
  ): Promise<{ address: string; nextLink?: string } | undefined>
  /** @throws MatrixError 401 `M_THREEPID_AUTH_FAILED` while nobody has confirmed it, or for a session that is not known */
  readValidated(credentials: Credentials): Promise<ValidatedAddress>
  /** Deletes at most `limit` sessions that are over. @returns how many */
  forgetThreepidSessions(limit: number): Promise<number>
}

export type EmailTokenRequest = {
  purpose: Purpose
  /** As `toEmailAddress` gives it. */
  address: string
  clientSecret: string
  sendAttempt: number
  nextLink: string | undefined
}

type Needs = {
  db: Database
  clock: Clock
  serverName: string
  sendMail: SendMail | undefined
  /** Where people's browsers reach this server; ends with a slash. */
  baseUrl(): string
  logger: Pick<Logger, 'warn'>
}

export function makeValidateAddress(needs: Needs): ValidateAddress {
  const { db, clock, sendMail } = needs
  const inTurn = makeKeyedLock()
  const sent = new LRUCache<string, number[]>({ max: 10_000 })

  async function readLive(sid: string): Promise<ThreepidSessionRow | undefined> {
    const row = await readThreepidSession(db, sid)
    return row && row.expires_at > clock.now() ? row : undefined
  }
  const write = (sid: string, row: ThreepidSessionRow) =>
    db.commit(() => ({ writes: [setThreepidSession(sid, row)], changes: [], result: undefined }))

  /** @throws MatrixError 429 where the hour's mails are spent */
  function countMail(address: string): void {
    const now = clock.elapsed()
    const recent = (key: string) => (sent.get(key) ?? []).filter((at) => at > now - hourMs)
    const limits = [
      [address, mailsAnHour.address],
      ['', mailsAnHour.all],
    ] as const
    for (const [key, most] of limits) {
      const times = recent(key)
      if (times.length < most) continue
      throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Enough mails were sent for now.', {
        retry_after_ms: Math.ceil(times[0]! + hourMs - now),
      })
    }
    for (const [key] of limits) sent.set(key, [...recent(key), now])
  }

  async function send(sid: string, request: EmailTokenRequest): Promise<void> {
    if (!sendMail) throw noMail()
    const { purpose, address, clientSecret, sendAttempt, nextLink } = request
    const before = await readLive(sid)
    if (before && before.send_attempt >= sendAttempt) return
    countMail(address)
    const { token, hash } = newToken('mail')
    const row: ThreepidSessionRow = {
      ...{ medium: 'email', address, secret_hash: hashToken(clientSecret), token_hash: hash },
      ...(nextLink !== undefined && { next_link: nextLink }),
      ...(before?.validated_at !== undefined && { validated_at: before.validated_at }),
      send_attempt: before?.send_attempt ?? 0,
      expires_at: clock.now() + lifetimeMs,
    }
    // The token first, or a quick reader of mails would find a link that leads nowhere; the attempt counts when it is out.
    await write(sid, row)
    const link = new URL(`_hearth/client/v1/validate_email?${new URLSearchParams({ sid, token })}`, needs.baseUrl())
      .href
    const mail = writeMail({ purpose, serverName: needs.serverName, link, minutes: lifetimeMs / 60_000 })
    try {
      await sendMail({ to: address, ...mail })
    } catch (error) {
      // Its code alone: the message may repeat what the mail server was told.
      needs.logger.warn({ code: (error as { code?: unknown }).code }, 'a mail could not be sent')
      throw new MatrixError(502, 'M_UNKNOWN', 'The mail could not be sent.')
    }
    await write(sid, { ...row, send_attempt: sendAttempt })
  }

  return {
    async requestEmailToken(request) {
      const sid = createHash('sha256').update(`email\n${request.address}\n${request.clientSecret}`).digest('base64url')
      await inTurn(sid, () => send(sid, request))
      return sid
    },

    openMailLink: ({ sid, token }, confirm) =>
      inTurn(sid, async () => {
        const row = await readLive(sid)
        if (!row || !areEqual(row.token_hash, hashToken(token))) return undefined
        if (confirm && row.validated_at === undefined) await write(sid, { ...row, validated_at: clock.now() })
        return { address: row.address, ...(row.next_link !== undefined && { nextLink: row.next_link }) }
      }),

    async readValidated({ sid, client_secret: secret }) {
      const row = await readLive(sid)
      if (!row || row.validated_at === undefined || !areEqual(row.secret_hash, hashToken(secret)))
        throw new MatrixError(401, 'M_THREEPID_AUTH_FAILED', 'The address has not been confirmed.')
      return { medium: row.medium, address: row.address, validatedAt: row.validated_at }
    },

    async forgetThreepidSessions(limit) {
      const writes = (await readExpiredThreepidSessions(db, clock.now(), limit)).map(deleteThreepidSession)
      if (writes.length > 0) await db.commit(() => ({ writes, changes: [], result: undefined }))
      return writes.length
    },
  }
}

const areEqual = (one: string, other: string) =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

const noMail = () => new MatrixError(400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server sends no mail.')
