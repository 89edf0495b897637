/** The user's spaces above the room list: pressing one leaves only its rooms in the list. */
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { t } from '../../i18n/index.js'
import { Avatar } from '../../ui/avatar.js'
import { Chip } from '../../ui/bits.js'
import styles from './room-list.module.css'

type SpacesRowProps = {
  spaces: readonly RoomSummaryRow[]
  chosenId: string | undefined
  onChoose: (spaceId: string | undefined) => void
}

export const SpacesRow = ({ spaces, chosenId, onChoose }: SpacesRowProps) => (
  // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame and a legend
  <div className={styles.chips} role="group" aria-label={t('rooms.spaces')}>
    {spaces.map((space) => {
      const isOn = chosenId === space.room_id
      return (
        <Chip key={space.room_id} isOn={isOn} onToggle={() => onChoose(isOn ? undefined : space.room_id)}>
          <span className={styles.space}>
            <Avatar id={space.room_id} name={space.name} mxc={space.avatar_url} size={18} kind="room" />
            <bdi>{space.name}</bdi>
          </span>
        </Chip>
      )
    })}
  </div>
)
