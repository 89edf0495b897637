/**
 * The encryption of this device, in the tab that leads: the machine, what goes out of it and what comes in.
 *
 * It is loaded when it is first needed: with the machine it is larger than the rest of the window.
 */
import { DeviceLists, type OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { Inbox, InboxBatch } from '../inbox.js'
import type { EngineCalls, EngineNews } from '../types.js'
import { makeOpen } from './open.js'
import { makeRequests } from './requests.js'
import { makeSeal } from './seal.js'

type EngineNeeds = {
  machine: OlmMachine
  http: MatrixHttp
  inbox: Inbox
  tell(news: EngineNews): void
}

export async function startEngine({ machine, http, inbox, tell }: EngineNeeds) {
  // Devices of one's own have the backup; asking all of them for each key would only tell who is read.
  machine.roomKeyRequestsEnabled = false
  const requests = makeRequests(machine, http)
  machine.registerRoomKeyUpdatedCallback(async (keys) =>
    tell({ kind: 'keys', sessionIds: keys.map(({ sessionId }) => sessionId) }),
  )
  machine.registerRoomKeysWithheldCallback(async (keys) =>
    tell({ kind: 'keys', sessionIds: keys.map(({ sessionId }) => sessionId) }),
  )

  async function receive({ events, keyCounts, changed, left, isAllChanged }: InboxBatch): Promise<void> {
    const users = (ids: readonly string[]) => ids.map((id) => new UserId(id))
    await machine.receiveSyncChangesMsc4186(
      events,
      new DeviceLists(users(changed), users(left)),
      new Map(Object.entries(keyCounts?.oneTime ?? {})),
      keyCounts && new Set(keyCounts.unusedFallback),
    )
    if (isAllChanged) await machine.markAllTrackedUsersAsDirty()
    requests.wake()
  }

  await machine.updateTrackedUsers([new UserId(machine.userId.toString())])
  requests.wake()
  const stopInbox = inbox.start(receive)
  const calls: EngineCalls = { ...makeSeal(machine, requests), ...makeOpen(machine) }
  return {
    calls,
    async end() {
      stopInbox()
      requests.stop()
      machine.close()
    },
  }
}
