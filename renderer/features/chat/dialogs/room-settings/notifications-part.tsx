/** What one hears of the room; for this account, on all its devices. */
import type { RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { useServices } from '../../../../app/services.js'
import { t } from '../../../../i18n/index.js'
import { useStore } from '../../../../live/store.js'
import { Banner } from '../../../../ui/bits.js'
import { Choice } from '../../../../ui/choice.js'
import { loudnesses, loudnessOf, ruleFor } from './room-rules.js'
import styles from './room-settings.module.css'
import { useSaving } from './use-saving.js'

export function NotificationsPart({ room }: { room: RoomSummaryRow }) {
  const { matrix, live } = useServices()
  const rules = useStore(live.accountData, (data) => data.get(' m.push_rules'))
  const saving = useSaving()
  const present = loudnessOf(rules, room.room_id)
  return (
    <div className={styles.form}>
      {saving.problem && <Banner tone="bad">{saving.problem}</Banner>}
      <Choice
        legend={t('roomSettings.hear')}
        options={loudnesses.map((each) => ({ value: each, label: t(`roomSettings.hear.${each}`) }))}
        value={present}
        disabled={saving.isBusy}
        onChoose={(loudness) =>
          saving.save(async () => {
            const wanted = ruleFor(loudness, room.room_id)
            // What was is taken away first: of an override and a room rule the override would win.
            for (const kind of ['override', 'room'] as const) await matrix.deletePushRule(kind, room.room_id)
            if (wanted) await matrix.setPushRule(wanted.kind, room.room_id, wanted.rule)
          })
        }
      />
    </div>
  )
}
