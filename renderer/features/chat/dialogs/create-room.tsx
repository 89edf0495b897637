/** Makes a room: private by default, public with an address when asked. */
import { useState } from 'react'
import { navigate, roomPath } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Switch, TextField } from '../../../ui/field.js'
import { useAction } from './use-action.js'

/** An address from a name: "Garden & Tools" → "garden-tools". */
export const addressFrom = (name: string) =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._=]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60)

export function CreateRoomDialog({ onClose }: { onClose: () => void }) {
  const { matrix, session } = useServices()
  const [name, setName] = useState('')
  const [topic, setTopic] = useState('')
  const [isPublic, setIsPublic] = useState(false)
  const [typedAlias, setTypedAlias] = useState<string>()
  const action = useAction(onClose)
  const alias = typedAlias ?? addressFrom(name)

  const submit = () => {
    if (!name.trim()) return action.setProblem(t('create.needName'))
    if (isPublic && !/^[A-Za-z0-9._=-]+$/.test(alias)) return action.setProblem(t('create.badAlias'))
    void action.run(async () => {
      const roomId = await matrix.createRoom({
        name: name.trim(),
        ...(topic.trim() ? { topic: topic.trim() } : {}),
        preset: isPublic ? 'public_chat' : 'private_chat',
        visibility: isPublic ? 'public' : 'private',
        ...(isPublic ? { room_alias_name: alias } : {}),
      })
      navigate(roomPath(roomId))
    })
  }
  return (
    <Dialog
      title={t('create.title')}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={action.isBusy}>
            {t('create.submit')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <TextField
        label={t('create.name')}
        hint={t('create.nameHint')}
        value={name}
        maxLength={120}
        onChange={(event) => setName(event.target.value)}
        autoFocus
      />
      <TextField label={t('create.topic')} value={topic} onChange={(event) => setTopic(event.target.value)} />
      <Switch
        label={t('create.public')}
        hint={t('create.publicHint')}
        checked={isPublic}
        onChange={(event) => setIsPublic(event.target.checked)}
      />
      {isPublic && (
        <TextField
          label={t('create.alias')}
          hint={alias ? t('create.aliasHint', { alias: `#${alias}:${serverNameOf(session.userId)}` }) : undefined}
          value={alias}
          onChange={(event) => setTypedAlias(event.target.value)}
        />
      )}
    </Dialog>
  )
}
