/**
 * Encrypting what is sent into a room, and giving its key to the devices of who may read it.
 *
 * 1. Everybody's devices are known, or asked for.
 * 2. Where there is no channel to one of them yet, a one-time key of it is claimed.
 * 3. The room's key goes to all that have not got it; the machine takes a new key when somebody left, a device is gone,
 *    or the old one has been used long enough.
 * 4. The event is encrypted. One at a time per room, so that the order of sending is that of the ratchet.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#mmegolmv1aes-sha2
 */
import {
  CollectStrategy,
  EncryptionAlgorithm,
  EncryptionSettings,
  HistoryVisibility,
  type OlmMachine,
  RoomId,
  UserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import { isTemporary, ServerUnreachableError } from '../../platform/matrix/errors.js'
import type { Inbox } from '../inbox.js'
import type { RoomRules, Sealing } from '../types.js'
import type { Requests, Sendable } from './requests.js'

const visibilities: Record<string, HistoryVisibility> = {
  invited: HistoryVisibility.Invited,
  joined: HistoryVisibility.Joined,
  shared: HistoryVisibility.Shared,
  world_readable: HistoryVisibility.WorldReadable,
}

/** Runs what is asked under one name one after the other. */
export function makeTurns() {
  const last = new Map<string, Promise<unknown>>()
  return <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    const result = (last.get(name) ?? Promise.resolve()).then(work, work)
    const settled = result.catch(() => undefined)
    last.set(name, settled)
    void settled.then(() => last.get(name) === settled && last.delete(name))
    return result
  }
}

function settingsOf({ encryption, historyVisibility }: RoomRules): EncryptionSettings {
  const settings = new EncryptionSettings()
  settings.algorithm = EncryptionAlgorithm.MegolmV1AesSha2
  settings.historyVisibility = visibilities[historyVisibility] ?? HistoryVisibility.Shared
  settings.sharingStrategy = CollectStrategy.allDevices()
  const { rotation_period_ms, rotation_period_msgs } = encryption
  if (isCount(rotation_period_ms)) settings.rotationPeriod = BigInt(rotation_period_ms) * 1000n // microseconds
  if (isCount(rotation_period_msgs)) settings.rotationPeriodMessages = BigInt(rotation_period_msgs)
  return settings
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0

export function makeSeal(machine: OlmMachine, requests: Requests, inbox: Pick<Inbox, 'look'>) {
  const inTurn = makeTurns()
  const usersOf = (userIds: readonly string[]) => userIds.map((userId) => new UserId(userId))

  async function shareKey(roomId: string, userIds: readonly string[], rules: RoomRules): Promise<void> {
    // Who has a new device since is told by now.
    await inbox.look()
    await machine.updateTrackedUsers(usersOf(userIds))
    // A request that the server refuses is no reason to say nothing; one that it did not hear is.
    await requests.flush().catch((error: unknown) => {
      if (isTemporary(error)) throw error
    })
    await inTurn('claim', async () => {
      const claim = await machine.getMissingSessions(usersOf(userIds))
      if (claim) await requests.send(claim)
    })
    const shares = await machine.shareRoomKey(new RoomId(roomId), usersOf(userIds), settingsOf(rules))
    for (const share of shares) await requests.send(share as Sendable)
  }

  return {
    seal: ({ roomId, type, content, userIds, rules }: Sealing): Promise<Record<string, unknown>> =>
      inTurn(`room ${roomId}`, async () => {
        if (rules.encryption.algorithm !== 'm.megolm.v1.aes-sha2')
          throw new Error('this room is encrypted in a way that is not known here')
        await shareKey(roomId, userIds, rules).catch((error: unknown) => {
          // The one that the other tabs know by its name: it is tried again.
          throw isTemporary(error) ? new ServerUnreachableError(String(error)) : error
        })
        const sealed = await machine.encryptRoomEvent(new RoomId(roomId), type, JSON.stringify(content))
        const relation = content['m.relates_to']
        // What it relates to stands outside, so that the server can count and sort.
        return { ...JSON.parse(sealed), ...(relation === undefined ? {} : { 'm.relates_to': relation }) }
      }),
  }
}
