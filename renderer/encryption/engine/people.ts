/** What this device knows of somebody's identity and devices, and taking a new identity for theirs. */
import { type OlmMachine, OwnUserIdentity, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { PersonState } from '../types.js'
import type { Requests, Sendable } from './requests.js'

export function makePeople(machine: OlmMachine, requests: Requests) {
  async function readIdentity(userId: string): Promise<PersonState['identity']> {
    const identity = await machine.getIdentity(new UserId(userId))
    if (!identity) return 'none'
    try {
      if (identity.hasVerificationViolation()) return 'violated'
      if (!(identity instanceof OwnUserIdentity) && identity.identityNeedsUserApproval()) return 'changed'
      return identity.isVerified() ? 'verified' : 'seen'
    } finally {
      identity.free() // what is not keeps the machine's database open
    }
  }

  return {
    async readPerson({ userId }: { userId: string }): Promise<PersonState> {
      await machine.updateTrackedUsers([new UserId(userId)])
      await requests.send(machine.queryKeysForUsers([new UserId(userId)]) as Sendable)
      const known = await machine.getUserDevices(new UserId(userId))
      const devices = known.devices().flatMap((device) => {
        const { deviceId, displayName: name, isDehydrated } = device
        // Of others it is enough that they vouch for it themselves.
        const isVerified = device.isCrossSignedByOwner()
        device.free()
        return isDehydrated ? [] : [{ deviceId: deviceId.toString(), name, isVerified }]
      })
      known.free()
      return { identity: await readIdentity(userId), devices }
    },
    async acceptIdentity({ userId }: { userId: string }): Promise<void> {
      const identity = await machine.getIdentity(new UserId(userId))
      if (!identity || identity instanceof OwnUserIdentity) return
      if (identity.hasVerificationViolation()) await identity.withdrawVerification()
      await identity.pinCurrentMasterKey()
    },
  }
}
