/** Room keys as a file, sealed with a passphrase, in the form that other Matrix apps read and write. */
import { useState } from 'react'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { ExplainedError } from '../../platform/matrix/errors.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { TextField } from '../../ui/field.js'
import { showToast } from '../../ui/toast.js'
import { useDoing } from './use-doing.js'

const fileName = 'hearth-keys.txt'
const leastPassphrase = 8

export function ExportKeysDialog({ onClose }: { onClose: () => void }) {
  const { encryption } = useServices()
  const doing = useDoing()
  const [passphrase, setPassphrase] = useState('')
  const submit = () =>
    doing.run(async () => {
      if (passphrase.length < leastPassphrase) return doing.setProblem(t('keyFile.short'))
      download(await encryption.ask('exportKeys', { passphrase }))
      onClose()
    })
  return (
    <Dialog
      title={t('keyFile.export')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={<Buttons isBusy={doing.isBusy} label={t('keyFile.save')} onClose={onClose} />}
    >
      <Passphrase hint={t('keyFile.exportHint')} value={passphrase} onValue={setPassphrase} error={doing.problem} />
    </Dialog>
  )
}

export function ImportKeysDialog({ onClose }: { onClose: () => void }) {
  const { encryption } = useServices()
  const doing = useDoing()
  const [file, setFile] = useState<File>()
  const [passphrase, setPassphrase] = useState('')
  const submit = () =>
    doing.run(async () => {
      if (!file) return doing.setProblem(t('keyFile.needFile'))
      const text = await file.text()
      const count = await encryption.ask('importKeys', { text, passphrase }).catch((error: unknown) => {
        throw new ExplainedError(t('keyFile.wrong'), error)
      })
      showToast(t('keyFile.imported', { count }))
      onClose()
    })
  return (
    <Dialog
      title={t('keyFile.import')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={<Buttons isBusy={doing.isBusy} label={t('keyFile.bringIn')} onClose={onClose} />}
    >
      {doing.problem && <Banner tone="bad">{doing.problem}</Banner>}
      <TextField
        label={t('keyFile.file')}
        type="file"
        accept=".txt,text/plain"
        onChange={(event) => setFile(event.target.files?.[0])}
      />
      <Passphrase hint={t('keyFile.importHint')} value={passphrase} onValue={setPassphrase} />
    </Dialog>
  )
}

type PassphraseProps = { hint: string; value: string; onValue: (value: string) => void; error?: string | undefined }

const Passphrase = ({ hint, value, onValue, error }: PassphraseProps) => (
  <TextField
    label={t('keyFile.passphrase')}
    hint={hint}
    type="password"
    autoComplete="off"
    value={value}
    error={error}
    onChange={(event) => onValue(event.target.value)}
  />
)

const Buttons = ({ isBusy, label, onClose }: { isBusy: boolean; label: string; onClose: () => void }) => (
  <>
    <Button onClick={onClose}>{t('common.cancel')}</Button>
    <Button type="submit" variant="primary" disabled={isBusy}>
      {label}
    </Button>
  </>
)

function download(text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}
