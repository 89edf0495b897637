/** Comparing emoji with another device, from the question to the answer. */
import { useServices } from '../../app/services.js'
import type { VerificationState } from '../../encryption/types.js'
import { t } from '../../i18n/index.js'
import { localpartOf } from '../../platform/matrix/login-session.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import styles from './encryption.module.css'
import { useDoing } from './use-doing.js'

type FlowProps = {
  flow: VerificationState
  /** Ends it, where it is not over. */
  onClose: (isDifferent?: boolean) => void
  onAccepted: () => void
}

export function VerificationDialog({ flow, onClose, onAccepted }: FlowProps) {
  const { encryption } = useServices()
  const doing = useDoing()
  const name = localpartOf(flow.userId)
  const { flowId, phase } = flow
  const accept = () =>
    doing.run(async () => {
      onAccepted()
      await encryption.ask('acceptVerification', { flowId })
    })
  const confirm = () => doing.run(() => encryption.ask('confirmVerification', { flowId }))
  return (
    <Dialog
      title={titleOf(flow, name)}
      onClose={() => onClose()}
      footer={
        <Buttons
          flow={flow}
          isBusy={doing.isBusy}
          onClose={onClose}
          onAccept={() => void accept()}
          onConfirm={() => void confirm()}
        />
      }
    >
      {doing.problem && <Banner tone="bad">{doing.problem}</Banner>}
      <p className={styles.text} role="status">
        {textOf(flow, name)}
      </p>
      {phase === 'comparing' && flow.emoji && (
        <ol className={styles.emoji}>
          {flow.emoji.map(({ symbol, description }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: one may stand there twice, and they never move
            <li key={index}>
              <span aria-hidden>{symbol}</span>
              {description}
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  )
}

type ButtonsProps = {
  flow: VerificationState
  isBusy: boolean
  onClose: (isDifferent?: boolean) => void
  onAccept: () => void
  onConfirm: () => void
}

function Buttons({ flow: { phase, isOwn }, isBusy, onClose, onAccept, onConfirm }: ButtonsProps) {
  if (phase === 'asked')
    return (
      <>
        <Button onClick={() => onClose()}>{t(isOwn ? 'verify.decline' : 'verify.declinePerson')}</Button>
        <Button variant="primary" disabled={isBusy} onClick={onAccept}>
          {t('verify.accept')}
        </Button>
      </>
    )
  if (phase === 'comparing')
    return (
      <>
        <Button onClick={() => onClose(true)}>{t('verify.different')}</Button>
        <Button variant="primary" disabled={isBusy} onClick={onConfirm}>
          {t('verify.same')}
        </Button>
      </>
    )
  const isOver = phase === 'done' || phase === 'cancelled' || phase === 'elsewhere'
  return <Button onClick={() => onClose()}>{t(isOver ? 'common.close' : 'common.cancel')}</Button>
}

function titleOf({ phase, isOwn }: VerificationState, name: string): string {
  if (phase === 'done') return t('verify.done')
  if (phase === 'cancelled') return t('verify.cancelled')
  if (phase === 'asked') return isOwn ? t('verify.asked') : t('verify.askedPerson', { name })
  return t('verify.accept')
}

function textOf({ phase, isOwn, cancelCode }: VerificationState, name: string): string {
  switch (phase) {
    case 'asked':
      return t(isOwn ? 'verify.askedText' : 'verify.askedPersonText')
    case 'asking':
      return isOwn ? t('verify.asking') : t('verify.askingPerson', { name })
    case 'starting':
      return t('verify.starting')
    case 'comparing':
      return t('verify.compare')
    case 'confirmed':
      return t('verify.confirmed')
    case 'done':
      return isOwn ? t('verify.doneOwn') : t('verify.donePerson', { name })
    case 'elsewhere':
      return t('verify.elsewhere')
    case 'cancelled':
      return t(cancelCode === 'm.mismatched_sas' ? 'verify.differentText' : 'verify.cancelledText')
  }
}
