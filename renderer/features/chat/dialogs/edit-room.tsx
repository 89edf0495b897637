/** Name and topic of a room. */
import { useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextArea, TextField } from '../../../ui/field.js'
import { useAction } from './use-action.js'

export function EditRoomDialog({ room, onClose }: { room: RoomSummaryRow; onClose: () => void }) {
  const { matrix } = useServices()
  const [name, setName] = useState(room.name)
  const [topic, setTopic] = useState(room.topic ?? '')
  const action = useAction(onClose)
  const submit = () =>
    void action.run(async () => {
      if (room.can.name && name.trim() !== room.name)
        await matrix.sendState(room.room_id, 'm.room.name', '', { name: name.trim() })
      if (room.can.topic && topic.trim() !== (room.topic ?? ''))
        await matrix.sendState(room.room_id, 'm.room.topic', '', { topic: topic.trim() })
    })
  return (
    <Dialog
      title={t('panel.edit')}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={action.isBusy}>
            {t('common.save')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <TextField
        label={t('panel.editName')}
        value={name}
        disabled={!room.can.name}
        onChange={(event) => setName(event.target.value)}
      />
      <TextArea
        label={t('panel.topic')}
        rows={3}
        value={topic}
        disabled={!room.can.topic}
        onChange={(event) => setTopic(event.target.value)}
      />
    </Dialog>
  )
}
