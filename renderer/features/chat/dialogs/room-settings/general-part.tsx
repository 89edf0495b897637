/** Name, topic and picture. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { useServices } from '../../../../app/services.js'
import { t } from '../../../../i18n/index.js'
import { Avatar } from '../../../../ui/avatar.js'
import { Banner } from '../../../../ui/bits.js'
import { Button } from '../../../../ui/button.js'
import { TextArea, TextField } from '../../../../ui/field.js'
import styles from './room-settings.module.css'
import { useRoomState } from './use-room-state.js'
import { useSaving } from './use-saving.js'

export function GeneralPart({ room }: { room: RoomSummaryRow }) {
  const { matrix } = useServices()
  const given = useRoomState(room, 'm.room.name')
  const saving = useSaving()
  const [name, setName] = useState<string>()
  const [topic, setTopic] = useState<string>()
  const nameNow = typeof given?.name === 'string' ? given.name : ''
  const shownName = name ?? nameNow
  const shownTopic = topic ?? room.topic ?? ''
  const isChanged = shownName.trim() !== nameNow || shownTopic.trim() !== (room.topic ?? '')

  const save = () =>
    void saving.save(async () => {
      if (shownName.trim() !== nameNow)
        await matrix.sendState(room.room_id, 'm.room.name', '', { name: shownName.trim() })
      if (shownTopic.trim() !== (room.topic ?? ''))
        await matrix.sendState(room.room_id, 'm.room.topic', '', { topic: shownTopic.trim() })
      setName(undefined)
      setTopic(undefined)
    })
  const setPicture = (file: File | undefined) =>
    void saving.save(async () => {
      const url = file && (await matrix.media.upload(file, { fileName: file.name }))
      await matrix.sendState(room.room_id, 'm.room.avatar', '', url ? { url } : {})
    })
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      {saving.problem && <Banner tone="bad">{saving.problem}</Banner>}
      <div className={styles.picture}>
        <Avatar id={room.room_id} name={room.name} mxc={room.avatar_url} size={64} kind="room" />
        {room.can.avatar && (
          <>
            <label className={styles.file}>
              {t('settings.picture')}
              <input
                type="file"
                accept="image/*"
                className="visually-hidden"
                onChange={(event) => event.target.files?.[0] && setPicture(event.target.files[0])}
              />
            </label>
            {room.avatar_url && !room.is_direct && (
              <Button variant="quiet" onClick={() => setPicture(undefined)}>
                {t('roomSettings.noPicture')}
              </Button>
            )}
          </>
        )}
      </div>
      <TextField
        label={t('panel.editName')}
        value={shownName}
        disabled={!room.can.name}
        maxLength={255}
        onChange={(event) => setName(event.target.value)}
      />
      <TextArea
        label={t('panel.topic')}
        rows={3}
        value={shownTopic}
        disabled={!room.can.topic}
        onChange={(event) => setTopic(event.target.value)}
      />
      {(room.can.name || room.can.topic) && (
        <Button type="submit" variant="primary" disabled={!isChanged || saving.isBusy}>
          {t('common.save')}
        </Button>
      )}
    </form>
  )
}
