/**
 * The identity of this person: made silently on their first device; later devices are vouched for by one that is.
 *
 * The first upload of the keys asks for no password; the server asks for one where there is an identity already, so that
 * two first devices at once cannot replace each other's.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#cross-signing
 */
import { type OlmMachine, OwnUserIdentity, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { MatrixHttp } from '../../platform/matrix/http.js'
import type { Requests, Sendable } from './requests.js'

export type CrossSigning = Awaited<ReturnType<typeof makeCrossSigning>>

export function makeCrossSigning(machine: OlmMachine, requests: Requests, http: MatrixHttp) {
  const me = () => new UserId(machine.userId.toString())

  /** What is not freed keeps the machine's database open. */
  async function withOwn<Result>(
    work: (own: OwnUserIdentity | undefined) => Result | Promise<Result>,
  ): Promise<Result> {
    const identity = await machine.getIdentity(me())
    try {
      return await work(identity instanceof OwnUserIdentity ? identity : undefined)
    } finally {
      identity?.free()
    }
  }

  /** As the server has it now. */
  async function refresh(): Promise<void> {
    await requests.send(machine.queryKeysForUsers([me()]) as Sendable)
  }

  async function make(): Promise<void> {
    const made = await machine.bootstrapCrossSigning(true)
    if (made.uploadKeysRequest) await requests.send(made.uploadKeysRequest as Sendable)
    const body: unknown = JSON.parse(made.uploadSigningKeysRequest.body)
    await http.request('POST', '/_matrix/client/v3/keys/device_signing/upload', { body })
    await requests.send(made.uploadSignaturesRequest as Sendable)
    await refresh()
  }

  return {
    refresh,
    async hasPrivateKeys(): Promise<boolean> {
      const { hasMaster, hasSelfSigning, hasUserSigning } = await machine.crossSigningStatus()
      return hasMaster && hasSelfSigning && hasUserSigning
    },
    /** Whether this device is vouched for by its owner's identity. */
    isVerified: (): Promise<boolean> =>
      withOwn(async (own) => own?.isVerified() === true && (await own.trustsOurOwnDevice())),
    /** Makes an identity where there is none. @returns whether it was made now */
    async ensure(): Promise<boolean> {
      await refresh()
      if (await withOwn((own) => own !== undefined)) return false
      await make()
      return true
    },
    /** Signs this device, once the private keys are here. */
    async signDevice(): Promise<void> {
      const device = await machine.getDevice(me(), machine.deviceId)
      if (device && !device.isCrossSignedByOwner()) await requests.send((await device.verify()) as Sendable)
      device?.free()
      await withOwn(async (own) => {
        if (own && !own.isVerified()) await requests.send((await own.verify()) as Sendable)
      })
      await refresh()
    },
  }
}
