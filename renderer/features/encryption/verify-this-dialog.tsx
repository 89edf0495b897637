/** This device is new: another one, or the recovery key, vouches for it. */
import { KeyRound, MonitorSmartphone } from 'lucide-react'
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { trustDialog } from '../../encryption/trust-dialog.js'
import { t } from '../../i18n/index.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { TextField } from '../../ui/field.js'
import { showToast } from '../../ui/toast.js'
import styles from './encryption.module.css'
import { useDoing } from './use-doing.js'

export function VerifyThisDialog({ onClose }: { onClose: () => void }) {
  const { encryption, session } = useServices()
  const doing = useDoing()
  const [isEntering, setIsEntering] = useState(false)
  const byDevice = () =>
    doing.run(async () => {
      const flowId = await encryption.ask('askVerification', { userId: session.userId })
      trustDialog.set({ kind: 'flow', flowId })
    })
  if (isEntering) return <EnterKeyDialog onClose={onClose} />
  return (
    <Dialog
      title={t('verify.title')}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('security.later')}</Button>}
    >
      {doing.problem && <Banner tone="bad">{doing.problem}</Banner>}
      <p className={styles.text}>{t('verify.how')}</p>
      <div className={styles.ways}>
        <button type="button" className={styles.way} disabled={doing.isBusy} onClick={() => void byDevice()}>
          <MonitorSmartphone size={20} aria-hidden />
          <span>
            <b>{t('verify.withDevice')}</b>
            <span>{t('verify.withDeviceText')}</span>
          </span>
        </button>
        <button type="button" className={styles.way} disabled={doing.isBusy} onClick={() => setIsEntering(true)}>
          <KeyRound size={20} aria-hidden />
          <span>
            <b>{t('verify.withKey')}</b>
            <span>{t('verify.withKeyText')}</span>
          </span>
        </button>
      </div>
    </Dialog>
  )
}

function EnterKeyDialog({ onClose }: { onClose: () => void }) {
  const { encryption } = useServices()
  const doing = useDoing()
  const [text, setText] = useState('')
  const submit = () =>
    doing.run(async () => {
      if (!(await encryption.ask('recover', { text }))) return doing.setProblem(t('recovery.wrong'))
      showToast(t('recovery.restored'))
      onClose()
    })
  return (
    <Dialog
      title={t('recovery.enter')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={doing.isBusy || text.trim() === ''}>
            {t('recovery.restore')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('recovery.title')}
        hint={t('recovery.enterHint')}
        value={text}
        error={doing.problem}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        autoFocus
      />
    </Dialog>
  )
}
