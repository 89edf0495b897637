/** One line of the timeline, by its kind. */
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { formatDay, isoTimeOf } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import { IgnoredLine } from './ignored-line.js'
import { Message } from './message.js'
import { Hole, Older } from './missing-history.js'
import { StartCard } from './start-card.js'
import { StateLine } from './state-line.js'
import styles from './timeline.module.css'
import type { TimelineItem } from './timeline-items.js'

type LineProps = {
  item: TimelineItem
  room: RoomSummaryRow
  names: Names
  data: RoomData
  isTabStop: boolean
  onTask: (task: ComposerTask) => void
  onDialog: (dialog: ChatDialog) => void
  onShow: (eventId: string) => void
}

export function TimelineLine({ item, room, names, ...rest }: LineProps) {
  switch (item.kind) {
    case 'message':
      return <Message item={item} room={room} names={names} {...rest} />
    case 'state':
      return <StateLine item={item} names={names} />
    case 'ignored':
      return <IgnoredLine rows={item.rows} names={names} />
    case 'other':
      return <p className={styles.other}>{t('timeline.other', { count: item.rows.length })}</p>
    case 'day':
      return (
        <h2 className={styles.day}>
          <time dateTime={isoTimeOf(item.ts).slice(0, 10)}>{formatDay(item.ts)}</time>
        </h2>
      )
    case 'new':
      return <h2 className={styles.new}>{t('timeline.new')}</h2>
    case 'older':
      return <Older data={rest.data} />
    case 'hole':
      return <Hole data={rest.data} seq={item.seq} />
    case 'start':
      return <StartCard room={room} onDialog={rest.onDialog} />
  }
}
