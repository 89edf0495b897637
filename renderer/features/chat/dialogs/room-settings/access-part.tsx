/** Who may join, who may read what was said before, and whether the servers may read along. */
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { useServices } from '../../../../app/services.js'
import { type TextKey, t } from '../../../../i18n/index.js'
import { encryptionState } from '../../../../platform/matrix/rooms.js'
import { Banner } from '../../../../ui/bits.js'
import { Choice } from '../../../../ui/choice.js'
import { EncryptionSwitch } from './encryption-switch.js'
import { levelFor, type PowerLevels } from './power-levels.js'
import styles from './room-settings.module.css'
import { useRoomState } from './use-room-state.js'
import { useSaving } from './use-saving.js'

const joinRules = ['invite', 'knock', 'public'] as const
const visibilities = ['joined', 'invited', 'shared', 'world_readable'] as const

export function AccessPart({ room }: { room: RoomSummaryRow }) {
  const { matrix } = useServices()
  const powers = useRoomState(room, 'm.room.power_levels') as PowerLevels | undefined
  const history = useRoomState(room, 'm.room.history_visibility')
  const saving = useSaving()
  const may = (type: string) => !saving.isBusy && powers !== undefined && room.my_power_level >= levelFor(powers, type)
  const visibility = typeof history?.history_visibility === 'string' ? history.history_visibility : 'shared'
  const set = (type: string, content: Record<string, unknown>) =>
    saving.save(() => matrix.sendState(room.room_id, type, '', content))
  // A rule that names other rooms is kept as it is until another is chosen.
  const rules = joinRules.includes(room.join_rule as 'invite') ? joinRules : [room.join_rule, ...joinRules]
  return (
    <div className={styles.form}>
      {saving.problem && <Banner tone="bad">{saving.problem}</Banner>}
      <Choice
        legend={t('panel.access')}
        options={rules.map((rule) => ({ value: rule, label: t(`panel.access.${rule}` as TextKey) }))}
        value={room.join_rule}
        disabled={!may('m.room.join_rules')}
        onChoose={(join_rule) => set('m.room.join_rules', { join_rule })}
      />
      <Choice
        legend={t('roomSettings.history')}
        options={visibilities.map((each) => ({ value: each, label: t(`roomSettings.history.${each}`) }))}
        value={visibility}
        disabled={!may('m.room.history_visibility')}
        onChoose={(history_visibility) => set('m.room.history_visibility', { history_visibility })}
      />
      <p className={styles.note}>{t('roomSettings.historyNote')}</p>
      <EncryptionSwitch
        room={room}
        may={may('m.room.encryption')}
        onEncrypt={() => set(encryptionState.type, encryptionState.content)}
      />
    </div>
  )
}
