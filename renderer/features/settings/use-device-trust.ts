/** Which of one's own devices are verified, and verifying one by emoji from here. */
import '../../i18n/late.js'
import { useEffect } from 'react'
import { useServices } from '../../app/services.js'
import { useLoaded } from '../../app/use-loaded.js'
import { openTrustDialog } from '../../encryption/trust-dialog.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { explainError } from '../../platform/matrix/errors.js'
import { showToast } from '../../ui/toast.js'

export function useDeviceTrust() {
  const { encryption, session } = useServices()
  const account = useStore(encryption.account)
  const own = useLoaded(() => encryption.ask('readPerson', { userId: session.userId }), '')
  const { reload } = own
  // biome-ignore lint/correctness/useExhaustiveDependencies: another state of the account, other devices may be verified
  useEffect(() => reload(), [reload, account])
  const find = (deviceId: string) => own.value?.devices.find((device) => device.deviceId === deviceId)
  return {
    noteOf(deviceId: string): string | undefined {
      const device = find(deviceId)
      return device && t(device.isVerified ? 'verify.deviceVerified' : 'verify.deviceUnverified')
    },
    mayVerify: (deviceId: string) =>
      account?.isVerified === true && deviceId !== session.deviceId && find(deviceId)?.isVerified === false,
    async verify(deviceId: string): Promise<void> {
      try {
        const flowId = await encryption.ask('askVerification', { userId: session.userId, deviceId })
        openTrustDialog({ kind: 'flow', flowId })
      } catch (error) {
        showToast(explainError(error), 'bad')
      }
    },
  }
}
