/**
 * Comparing emoji with another device: of oneself, or of another person's, from the asking to the end.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#short-authentication-string-sas-verification
 */
import {
  DeviceId,
  type OlmMachine,
  OwnUserIdentity,
  Sas,
  UserId,
  VerificationMethod,
  type VerificationRequest,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { VerificationState } from '../types.js'
import type { Requests, Sendable } from './requests.js'

const methods = () => [VerificationMethod.SasV1]

export function makeVerification(machine: OlmMachine, requests: Requests, tell: (states: VerificationState[]) => void) {
  const flows = new Map<string, VerificationRequest>()
  const watched = new WeakSet<Sas>()

  const send = async (request: unknown) => {
    if (request) await requests.send(request as Sendable)
  }

  function stateOf(flow: VerificationRequest): VerificationState {
    const sas = flow.getVerification()
    const emoji = sas instanceof Sas && sas.canBePresented() ? sas.emoji() : undefined
    const phase = flow.isDone()
      ? 'done'
      : flow.isCancelled()
        ? 'cancelled'
        : flow.isPassive()
          ? 'elsewhere'
          : sas instanceof Sas && sas.haveWeConfirmed()
            ? 'confirmed'
            : emoji
              ? 'comparing'
              : flow.isReady() || sas
                ? 'starting'
                : flow.weStarted()
                  ? 'asking'
                  : 'asked'
    return {
      flowId: flow.flowId,
      userId: flow.otherUserId.toString(),
      deviceId: flow.otherDeviceId?.toString(),
      isOwn: flow.isSelfVerification(),
      phase,
      weAsked: flow.weStarted(),
      emoji: emoji?.map(({ symbol, description }) => ({ symbol, description })),
      cancelCode: flow.cancelInfo?.cancelCode(),
    }
  }

  const tellAll = () => tell([...flows.values()].map(stateOf))

  async function onChange(flow: VerificationRequest): Promise<void> {
    const sas = flow.getVerification()
    // Whoever asked begins; the other takes what has begun.
    if (flow.isReady() && flow.weStarted() && !sas) {
      const started = await flow.startSas()
      if (started) await send(started[1])
    }
    if (sas instanceof Sas && !watched.has(sas)) {
      watched.add(sas)
      sas.registerChangesCallback(async () => tellAll())
      await send(sas.accept())
    }
    tellAll()
  }

  function watch(flow: VerificationRequest): void {
    if (flows.has(flow.flowId)) return
    flows.set(flow.flowId, flow)
    // Not within the callback: the machine is still busy with what it tells of.
    flow.registerChangesCallback(async () => {
      setTimeout(() => void onChange(flow).catch((error: unknown) => console.warn('verification', String(error))))
    })
    void onChange(flow)
  }

  const flowOf = (flowId: string) => {
    const flow = flows.get(flowId)
    if (!flow) throw new Error('this verification is over')
    return flow
  }

  return {
    /** After messages came: what was asked of this device. */
    look(userIds: readonly string[]): void {
      for (const userId of userIds)
        for (const flow of machine.getVerificationRequests(new UserId(userId)))
          if (!flow.isDone() && !flow.isCancelled()) watch(flow)
    },
    /** @param deviceId all of one's own, where it is not said which */
    async ask({ userId, deviceId }: { userId: string; deviceId?: string | undefined }): Promise<string> {
      const user = new UserId(userId)
      const asked = deviceId
        ? (await machine.getDevice(user, new DeviceId(deviceId)))?.requestVerification(methods())
        : await askOwn(user)
      if (!asked) throw new Error('this device is not known')
      const [flow, request] = asked
      watch(flow)
      await send(request)
      return flow.flowId
    },
    async accept({ flowId }: { flowId: string }): Promise<void> {
      await send(flowOf(flowId).acceptWithMethods(methods()))
      tellAll()
    },
    async confirm({ flowId }: { flowId: string }): Promise<void> {
      const sas = flowOf(flowId).getVerification()
      if (!(sas instanceof Sas)) throw new Error('there is nothing to confirm yet')
      for (const request of await sas.confirm()) await send(request)
      tellAll()
    },
    async cancel({ flowId, isDifferent }: { flowId: string; isDifferent?: boolean }): Promise<void> {
      const flow = flowOf(flowId)
      const sas = flow.getVerification()
      if (flow.isDone() || flow.isCancelled()) flows.delete(flowId)
      else if (isDifferent && sas instanceof Sas) await send(sas.cancelWithCode('m.mismatched_sas'))
      else await send(flow.cancel())
      tellAll()
    },
  }

  async function askOwn(user: UserId) {
    const own = await machine.getIdentity(user)
    return own instanceof OwnUserIdentity ? own.requestVerification(methods()) : undefined
  }
}
