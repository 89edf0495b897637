/** A new recovery key: why, then the key itself, this once. */
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { ShownOnce } from '../../ui/shown-once.js'
import styles from './encryption.module.css'
import { useDoing } from './use-doing.js'

export function RecoveryDialog({ onClose }: { onClose: () => void }) {
  const { encryption } = useServices()
  const doing = useDoing()
  const [key, setKey] = useState<string>()
  const make = () => doing.run(async () => setKey(await encryption.ask('setUpRecovery', {})))
  return (
    <Dialog
      title={t('recovery.title')}
      onClose={onClose}
      footer={
        key ? (
          <Button variant="primary" onClick={onClose}>
            {t('recovery.kept')}
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>{t('common.cancel')}</Button>
            <Button variant="primary" disabled={doing.isBusy} onClick={() => void make()}>
              {t('recovery.make')}
            </Button>
          </>
        )
      }
    >
      {doing.problem && <Banner tone="bad">{doing.problem}</Banner>}
      {key ? (
        <ShownOnce label={t('recovery.label')} value={key} hint={t('recovery.keep')} />
      ) : (
        <p className={styles.text}>{t('recovery.why')}</p>
      )}
    </Dialog>
  )
}
