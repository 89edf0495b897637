/** The dialogs about trust, over whatever is open: what was asked for here, and what another device asks. */
import '../../i18n/late.js'
import { useServices } from '../../app/services.js'
import { trustDialog } from '../../encryption/trust-dialog.js'
import { useStore } from '../../live/store.js'
import { ExportKeysDialog, ImportKeysDialog } from './key-file-dialogs.js'
import { PersonDialog } from './person-dialog.js'
import { RecoveryDialog } from './recovery-dialog.js'
import { SignOutDialog } from './sign-out-dialog.js'
import { VerificationDialog } from './verification-dialog.js'
import { VerifyThisDialog } from './verify-this-dialog.js'

export default function TrustDialogs() {
  const { encryption } = useServices()
  const dialog = useStore(trustDialog)
  const flows = useStore(encryption.verifications)
  const close = () => trustDialog.set(undefined)
  const asked = flows.find(({ phase, weAsked }) => phase === 'asked' && !weAsked)
  const flow = dialog?.kind === 'flow' ? flows.find(({ flowId }) => flowId === dialog.flowId) : asked
  if (flow)
    return (
      <VerificationDialog
        key={flow.flowId}
        flow={flow}
        onClose={(isDifferent = false) => {
          void encryption.ask('cancelVerification', { flowId: flow.flowId, isDifferent }).catch(() => undefined)
          close()
        }}
        onAccepted={() => trustDialog.set({ kind: 'flow', flowId: flow.flowId })}
      />
    )
  switch (dialog?.kind) {
    case 'recovery':
      return <RecoveryDialog onClose={close} />
    case 'verify':
      return <VerifyThisDialog onClose={close} />
    case 'exportKeys':
      return <ExportKeysDialog onClose={close} />
    case 'importKeys':
      return <ImportKeysDialog onClose={close} />
    case 'signOut':
      return <SignOutDialog onClose={close} />
    case 'person':
      return <PersonDialog userId={dialog.userId} name={dialog.name} onClose={close} />
    default:
      return null
  }
}
