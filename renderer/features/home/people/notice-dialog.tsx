/** Writes to one person or to everybody in the name of the server: one after the other, said how far it is, to be broken off. */
import { useRef, useState } from 'react'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { Banner, Progress } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextArea } from '../../../ui/field.js'
import { showToast } from '../../../ui/toast.js'
import { type AdminUser, listPeople, sendServerNotice } from '../admin-api.js'
import { nameOf } from './person-text.js'

/** @param user everybody where nobody is named */
export function NoticeDialog({ user, onClose }: { user?: AdminUser; onClose: () => void }) {
  const { http } = useServices().matrix
  const [text, setText] = useState('')
  const [progress, setProgress] = useState<{ sent: number; all: number }>()
  const [problem, setProblem] = useState<string>()
  const abort = useRef<AbortController>(undefined)
  const isBusy = progress !== undefined
  /** Who has it already, where it is tried again. */
  const reached = useRef(new Set<string>())

  const submit = async () => {
    if (isBusy || !text.trim()) return
    abort.current = new AbortController()
    setProblem(undefined)
    setProgress({ sent: 0, all: 1 })
    try {
      const people = user ? [user] : await listPeople(http)
      for (const [index, { name }] of people.entries()) {
        setProgress({ sent: index, all: people.length })
        if (abort.current.signal.aborted) break
        if (reached.current.has(name)) continue
        await sendServerNotice(http, name, text.trim())
        reached.current.add(name)
      }
      showToast(t('notice.sent', { count: reached.current.size }))
      onClose()
    } catch (error) {
      setProblem(explainError(error))
      setProgress(undefined)
    }
  }
  return (
    <Dialog
      title={user ? t('notice.titleOne', { name: nameOf(user) }) : t('notice.titleAll')}
      onClose={isBusy ? () => abort.current?.abort() : onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={isBusy ? () => abort.current?.abort() : onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={isBusy || !text.trim()}>
            {t('notice.send')}
          </Button>
        </>
      }
    >
      <p>{t(user ? 'notice.textOne' : 'notice.textAll')}</p>
      <TextArea
        label={t('notice.label')}
        rows={4}
        maxLength={8_000}
        dir="auto"
        value={text}
        disabled={isBusy}
        onChange={(event) => {
          reached.current.clear() // another text is another notice
          setText(event.target.value)
        }}
        autoFocus
      />
      {progress && progress.all > 1 && (
        <Progress
          value={progress.sent / progress.all}
          label={t('notice.progress', { sent: progress.sent, all: progress.all })}
        />
      )}
      {problem && <Banner tone="bad">{problem}</Banner>}
    </Dialog>
  )
}
