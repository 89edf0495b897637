/** Makes a room or a space: private and encrypted by default, public with an address when asked; a room also inside a space. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { navigate, roomPath } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { helpFor } from '../../../encryption/status-help.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Switch, TextField } from '../../../ui/field.js'
import { putIntoSpace } from '../space-rooms.js'
import { addressFrom, creationOf, isAddress, type RoomWishes } from './room-creation.js'
import { useAction } from './use-action.js'

type CreateRoomDialogProps = { kind: RoomWishes['kind']; space?: RoomSummaryRow | undefined; onClose: () => void }

export function CreateRoomDialog({ kind, space, onClose }: CreateRoomDialogProps) {
  const { matrix, session, encryption } = useServices()
  const status = useStore(encryption.status)
  const canEncrypt = status.kind !== 'unavailable'
  const [wantsEncryption, setWantsEncryption] = useState(true)
  const [name, setName] = useState('')
  const [topic, setTopic] = useState('')
  const [isPublic, setIsPublic] = useState(false)
  const [isOpenToMembers, setIsOpenToMembers] = useState(true)
  const [typedAlias, setTypedAlias] = useState<string>()
  const action = useAction(onClose)
  const alias = typedAlias ?? addressFrom(name)
  const serverName = serverNameOf(session.userId)
  const isSpace = kind === 'space'
  const isEncrypted = canEncrypt && wantsEncryption

  const submit = () => {
    if (!name.trim()) return action.setProblem(t(isSpace ? 'create.needSpaceName' : 'create.needName'))
    if (isPublic && !isAddress(alias)) return action.setProblem(t('create.badAlias'))
    void action.run(async () => {
      const within = space && { spaceId: space.room_id, isOpenToMembers }
      const wishes = { kind, name, topic, alias: isPublic ? alias : undefined, within, serverName, isEncrypted }
      const roomId = await matrix.createRoom(creationOf(wishes))
      if (space) await putIntoSpace(matrix, space.room_id, roomId, [serverName])
      navigate(roomPath(roomId))
    })
  }
  const title = isSpace
    ? t('create.spaceTitle')
    : space
      ? t('create.titleIn', { space: space.name })
      : t('create.title')
  return (
    <Dialog
      title={title}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={action.isBusy}>
            {t(isSpace ? 'create.submitSpace' : 'create.submit')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <TextField
        label={t('create.name')}
        hint={t(isSpace ? 'create.spaceHint' : 'create.nameHint')}
        value={name}
        maxLength={120}
        onChange={(event) => setName(event.target.value)}
        autoFocus
      />
      <TextField label={t('create.topic')} value={topic} onChange={(event) => setTopic(event.target.value)} />
      {space && !isPublic && (
        <Switch
          label={t('create.forMembers', { space: space.name })}
          hint={t('create.forMembersHint')}
          checked={isOpenToMembers}
          onChange={(event) => setIsOpenToMembers(event.target.checked)}
        />
      )}
      <Switch
        label={t('create.public')}
        hint={t('create.publicHint')}
        checked={isPublic}
        onChange={(event) => setIsPublic(event.target.checked)}
      />
      {!isPublic && !isSpace && (
        <Switch
          label={t('create.encrypted')}
          hint={t(canEncrypt ? 'create.encryptedHint' : helpFor(status))}
          checked={isEncrypted}
          disabled={!canEncrypt}
          onChange={(event) => setWantsEncryption(event.target.checked)}
        />
      )}
      {isPublic && (
        <TextField
          label={t('create.alias')}
          hint={alias ? t('create.aliasHint', { alias: `#${alias}:${serverName}` }) : undefined}
          value={alias}
          onChange={(event) => setTypedAlias(event.target.value)}
        />
      )}
    </Dialog>
  )
}
