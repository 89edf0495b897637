/**
 * PDUs of one room out of a transaction, in order: ACL, checks 1 to 3 for all of them together, then each
 * through the room's one writer, with what it lacks fetched first.
 *
 * Events that lack nothing are handed over side by side (the room's lock keeps their order), so that
 * a transaction of fifty costs a handful of commits. Those that do lack something follow one by one. What could
 * not be taken because another server did not answer, or a commit failed, is named for another try.
 *
 * Spec: https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
import type { PduEvent } from '../events/pdu.js'
import { stateKeyOf } from '../events/pdu.js'
import { isServerAllowed } from '../events/server-acl.js'
import type { EventId, RoomId, ServerName } from '../kernel/identifiers.js'
import type { Logger } from '../kernel/logger.js'
import type { AcceptPdu } from '../rooms/accept-pdu.js'
import { isHere, type Rooms } from '../rooms/room.js'
import type { AcceptFetching } from './fetch-missing.js'
import type { ReceiveWithdrawal } from './receive-withdrawal.js'
import type { VerifyPdus } from './verify-pdus.js'

/** By event ID; empty for what was taken in (or was known), with a sentence for what was not. */
export type PduResults = Record<EventId, { error?: string }>

export type Received = {
  results: PduResults
  /** Of the PDUs, as they came: worth another try later. They are in `results` as taken, since they are not lost. */
  unsettled: unknown[]
}

export type ReceivePdus = (origin: ServerName, roomId: RoomId, pdus: readonly unknown[]) => Promise<Received>

type Needs = {
  serverName: ServerName
  rooms: Pick<Rooms, 'get'>
  acceptPdu: AcceptPdu
  acceptFetching: AcceptFetching
  verifyPdus: VerifyPdus
  /** Of rooms in which this server is not: the withdrawal of an invite, nothing else. */
  receiveWithdrawal: ReceiveWithdrawal
  log: Logger
}

export function makeReceivePdus(needs: Needs): ReceivePdus {
  const { rooms, log } = needs

  return async function receivePdus(origin, roomId, pdus) {
    const room = await rooms.get(roomId)
    if (!room || !isHere(room)) return { results: await needs.receiveWithdrawal(origin, roomId, pdus), unsettled: [] }
    const results: PduResults = {}
    const unsettled: unknown[] = []
    const refuse = (eventId: EventId | undefined, reason: string) => {
      log.info({ origin, roomId, eventId, reason }, 'a PDU was refused')
      if (eventId) results[eventId] = { error: reason }
    }
    const isDenied = !isServerAllowed(room.state.get(stateKeyOf('m.room.server_acl', ''))?.pdu.content, origin)
    const events: PduEvent[] = []
    const asTheyCame: unknown[] = []
    for (const [i, verdict] of (await needs.verifyPdus(pdus, room.rules)).entries()) {
      if (!verdict.ok) refuse(verdict.eventId, verdict.reason)
      else if (isDenied) refuse(verdict.event.eventId, 'the server is excluded from the room')
      else if (verdict.event.roomId !== roomId) refuse(verdict.event.eventId, 'the event is of another room')
      else {
        if (verdict.isRedacted)
          log.info({ origin, roomId, eventId: verdict.event.eventId }, 'a PDU has a wrong hash and was redacted')
        events.push(verdict.event)
        asTheyCame.push(pdus[i])
      }
    }
    const outcomes = await Promise.allSettled(events.map((event) => needs.acceptPdu(roomId, event)))
    for (const [i, event] of events.entries()) {
      try {
        const outcome = outcomes[i]!
        if (outcome.status === 'rejected') throw outcome.reason
        const first = outcome.value
        const acceptance = first.status === 'missing' ? await needs.acceptFetching(room, event, origin) : first
        if (acceptance.status === 'missing' && acceptance.isUnanswered) {
          log.info({ origin, roomId, eventId: event.eventId }, 'a PDU waits for servers that do not answer')
          unsettled.push(asTheyCame[i])
          results[event.eventId] = {}
        } else if (acceptance.status === 'missing') refuse(event.eventId, 'events that it refers to could not be had')
        else if (acceptance.status === 'rejected') refuse(event.eventId, acceptance.reason)
        else results[event.eventId] = {}
        if (acceptance.status === 'soft_failed')
          log.info({ origin, roomId, eventId: event.eventId, reason: acceptance.reason }, 'a PDU was soft-failed')
      } catch (error) {
        log.warn({ err: error, origin, roomId, eventId: event.eventId }, 'a PDU could not be processed')
        unsettled.push(asTheyCame[i])
        results[event.eventId] = {}
      }
    }
    return { results, unsettled }
  }
}
