/** Whether it is really this person: their identity, and the device they have at hand to compare with. */
import { useServices } from '../../app/services.js'
import { useLoaded } from '../../app/use-loaded.js'
import { trustDialog } from '../../encryption/trust-dialog.js'
import type { PersonState } from '../../encryption/types.js'
import { t } from '../../i18n/index.js'
import { explainError } from '../../platform/matrix/errors.js'
import { Banner, Skeleton } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import styles from './encryption.module.css'
import { useDoing } from './use-doing.js'

type PersonDialogProps = { userId: string; name: string; onClose: () => void }

export function PersonDialog({ userId, name, onClose }: PersonDialogProps) {
  const { encryption } = useServices()
  const person = useLoaded(() => encryption.ask('readPerson', { userId }), userId)
  const doing = useDoing()
  const verify = (deviceId: string) =>
    doing.run(async () => {
      const flowId = await encryption.ask('askVerification', { userId, deviceId })
      trustDialog.set({ kind: 'flow', flowId })
    })
  const accept = () =>
    doing.run(async () => {
      await encryption.ask('acceptIdentity', { userId })
      person.reload()
    })
  const problem = doing.problem ?? (person.error === undefined ? undefined : explainError(person.error))
  return (
    <Dialog
      title={t('verify.personTitle', { name })}
      onClose={onClose}
      footer={<Button onClick={onClose}>{t('common.close')}</Button>}
    >
      {problem && <Banner tone="bad">{problem}</Banner>}
      {!person.value && person.error === undefined && <Skeleton width="60%" />}
      {person.value && (
        <>
          <Identity state={person.value.identity} name={name} onAccept={() => void accept()} />
          <ul className={styles.devices}>
            {person.value.devices.map(({ deviceId, name: called, isVerified }) => (
              <li key={deviceId}>
                <span>
                  <bdi>{called || deviceId}</bdi>
                  {!isVerified && <small>{t('verify.deviceUnverified')}</small>}
                </span>
                <Button disabled={doing.isBusy} onClick={() => void verify(deviceId)}>
                  {t('verify.accept')}
                </Button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  )
}

type IdentityProps = { state: PersonState['identity']; name: string; onAccept: () => void }

function Identity({ state, name, onAccept }: IdentityProps) {
  if (state === 'changed' || state === 'violated')
    return (
      <Banner tone="warn" action={<Button onClick={onAccept}>{t('verify.acceptChanged')}</Button>}>
        {t('verify.personChanged', { name })}
      </Banner>
    )
  const text = { none: 'verify.personNone', seen: 'verify.personSeen', verified: 'verify.personVerified' } as const
  return <p className={styles.text}>{t(text[state], { name })}</p>
}
