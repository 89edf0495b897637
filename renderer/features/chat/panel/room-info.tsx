/** What a room is: name, topic, address, who may join, and the facts an operator looks for. */
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import type { TextKey } from '../../../i18n/index.js'
import { t } from '../../../i18n/index.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import { copyText } from '../chat-actions.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import styles from './panel.module.css'

type RoomInfoProps = { room: RoomSummaryRow; onDialog: (dialog: ChatDialog) => void }

const knownRules = ['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private']

export function RoomInfo({ room, onDialog }: RoomInfoProps) {
  const other = room.is_direct ? room.heroes[0] : undefined
  const rule = knownRules.includes(room.join_rule) ? room.join_rule : 'private'
  return (
    <div className={styles.info}>
      <div className={styles.identity}>
        <Avatar
          id={other ?? room.room_id}
          name={room.name}
          mxc={room.avatar_url}
          size={72}
          kind={other ? 'person' : 'room'}
        />
        <h2>{room.name}</h2>
        <p>{other ?? room.canonical_alias ?? t('room.members', { count: room.joined_count })}</p>
      </div>
      {room.membership === 'join' && (
        <Button onClick={() => onDialog({ kind: 'settings', room })}>{t('room.settings')}</Button>
      )}
      <dl className={styles.facts}>
        <div>
          <dt>{t('panel.topic')}</dt>
          <dd dir="auto">{room.topic || t('panel.noTopic')}</dd>
        </div>
        <div>
          <dt>{t('panel.access')}</dt>
          <dd>{t(`panel.access.${rule}` as TextKey)}</dd>
        </div>
        <div>
          <dt>{t('panel.encryption')}</dt>
          <dd>{t(room.encrypted ? 'panel.encryption.on' : 'panel.encryption.off')}</dd>
        </div>
        {room.canonical_alias && (
          <div>
            <dt>{t('panel.address')}</dt>
            <dd>{room.canonical_alias}</dd>
          </div>
        )}
        <div>
          <dt>{t('panel.version')}</dt>
          <dd className="tabular">{room.room_version}</dd>
        </div>
        <div>
          <dt>{t('panel.roomId')}</dt>
          <dd>
            <code>{room.room_id}</code>
          </dd>
        </div>
      </dl>
      <Button onClick={() => void copyText(room.room_id)}>{t('common.copy')}</Button>
    </div>
  )
}
