/**
 * The encryption of this device, in the tab that leads: the machine, what goes out of it and what comes in.
 *
 * 1. The device's keys go up, and what was told while it was away is taken in.
 * 2. The first device of a person makes their identity and the backup of keys; later ones wait to be vouched for.
 * 3. From then on: what comes is taken before it is acknowledged, what goes out is tried until it is gone.
 *
 * It is loaded when it is first needed: with the machine it is larger than the rest of the window.
 */
import { DeviceLists, type OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { isTemporary } from '../../platform/matrix/errors.js'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { Inbox, InboxBatch } from '../inbox.js'
import type { AccountState, EngineCalls, EngineNews } from '../types.js'
import { makeBackup } from './backup.js'
import { makeCrossSigning } from './cross-signing.js'
import { makeKeyFile } from './key-file.js'
import { makeOpen } from './open.js'
import { makePeople } from './people.js'
import { makeRecovery } from './recovery.js'
import { makeRequests } from './requests.js'
import { makeSeal } from './seal.js'
import { makeVerification } from './verification.js'

type EngineNeeds = {
  machine: OlmMachine
  http: MatrixHttp
  inbox: Inbox
  tell(news: EngineNews): void
}

const againMs = 15_000
const backupSecret = 'm.megolm_backup.v1'

export async function startEngine({ machine, http, inbox, tell }: EngineNeeds) {
  // Devices of one's own have the backup; asking all of them for each key would only tell who is read.
  machine.roomKeyRequestsEnabled = false
  const requests = makeRequests(machine, http)
  const crossSigning = makeCrossSigning(machine, requests, http)
  const backup = makeBackup(machine, requests, http)
  const recovery = makeRecovery({ machine, http, crossSigning, backup })
  const people = makePeople(machine, requests)
  const verification = makeVerification(machine, requests, (states) => {
    tell({ kind: 'verifications', states })
    for (const { phase, flowId } of states) {
      if (phase !== 'done' || done.has(flowId)) continue
      done.add(flowId)
      void afterVerification().catch((error: unknown) => console.warn('verification', String(error)))
    }
  })
  const users = (ids: readonly string[]) => ids.map((id) => new UserId(id))
  const done = new Set<string>()
  let isEnded = false
  let timer: ReturnType<typeof setTimeout> | undefined

  function follow(): void {
    machine.registerRoomKeyUpdatedCallback(async (keys) => {
      tell({ kind: 'keys', sessionIds: keys.map(({ sessionId }) => sessionId) })
      backup.wake()
    })
    machine.registerRoomKeysWithheldCallback(async (keys) =>
      tell({ kind: 'keys', sessionIds: keys.map(({ sessionId }) => sessionId) }),
    )
    machine.registerUserIdentityUpdatedCallback(async () => tell({ kind: 'trust' }))
    machine.registerDevicesUpdatedCallback(async () => tell({ kind: 'trust' }))
    machine.registerReceiveSecretCallback(async (name) => {
      // Not within the callback: the machine is still busy with what it tells of.
      if (name === backupSecret) setTimeout(() => void takeBackupSecret())
    })
  }

  /** The key of the backup, as another device of ours has sent it. */
  async function takeBackupSecret(): Promise<void> {
    for (const secret of await machine.getSecretsFromInbox(backupSecret))
      if (await backup.take(secret)) await backup.restore()
    await machine.deleteSecretsFromInbox(backupSecret)
    tell({ kind: 'trust' })
  }

  async function afterVerification(): Promise<void> {
    await crossSigning.refresh()
    await machine.requestMissingSecretsIfNeeded()
    requests.wake()
    tell({ kind: 'trust' })
  }

  async function receive({ events, keyCounts, changed, left, isAllChanged }: InboxBatch): Promise<void> {
    const take = (messages: string) =>
      machine.receiveSyncChangesMsc4186(
        messages,
        new DeviceLists(users(changed), users(left)),
        new Map(Object.entries(keyCounts?.oneTime ?? {})),
        keyCounts && new Set(keyCounts.unusedFallback),
      )
    const hasRequest = events.includes('"m.key.verification.request"')
    if (hasRequest) await take('[]')
    if (isAllChanged) await machine.markAllTrackedUsersAsDirty()
    // A request of a device that is not known yet is passed over: it is asked for first.
    if (hasRequest) await requests.flush().catch(() => undefined)
    const taken = await take(events)
    requests.wake()
    const senders = taken.map(({ rawEvent }) => JSON.parse(rawEvent) as { type?: string; sender?: string })
    const asking = senders.filter(({ type }) => type?.startsWith('m.key.verification.'))
    verification.look([...new Set(asking.flatMap(({ sender }) => sender ?? []))])
  }

  /** Identity and backup, silently; tried until it works, since nobody is asked for anything. */
  async function settle(): Promise<void> {
    try {
      await requests.flush()
      await crossSigning.ensure()
      if ((await crossSigning.hasPrivateKeys()) && (await crossSigning.isVerified())) await backup.ensure()
      await takeBackupSecret()
      backup.wake()
    } catch (error) {
      if (isEnded) return
      if (isTemporary(error)) timer = setTimeout(() => void settle(), againMs)
      else console.warn('the identity could not be looked after', String(error))
    }
  }

  async function readAccount(): Promise<AccountState> {
    return {
      isVerified: await crossSigning.isVerified(),
      hasPrivateKeys: await crossSigning.hasPrivateKeys(),
      hasRecovery: await recovery.exists(),
      backup: await backup.state(),
    }
  }

  follow()
  await machine.updateTrackedUsers(users([machine.userId.toString()]))
  const stopInbox = inbox.start(receive)
  const settled = settle()
  const told = async <Value>(work: Promise<Value>): Promise<Value> => {
    const value = await work
    tell({ kind: 'trust' })
    return value
  }
  const calls: EngineCalls = {
    ...makeSeal(machine, requests, inbox),
    ...makeOpen(machine),
    ...people,
    ...makeKeyFile(machine),
    readAccount: async () => {
      await settled
      return readAccount()
    },
    setUpRecovery: () => told(recovery.setUp()),
    recover: ({ text }) => told(recovery.recover(text)),
    acceptIdentity: (ask) => told(people.acceptIdentity(ask)),
    askVerification: (ask) => verification.ask(ask),
    acceptVerification: (ask) => verification.accept(ask),
    confirmVerification: (ask) => verification.confirm(ask),
    cancelVerification: (ask) => verification.cancel(ask),
  }
  return {
    calls,
    settled,
    async end() {
      isEnded = true
      clearTimeout(timer)
      stopInbox()
      requests.stop()
      backup.stop()
      machine.close()
    },
  }
}
