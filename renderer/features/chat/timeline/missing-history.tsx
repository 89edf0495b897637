/** What stands where messages are not here: above the oldest one, in a hole, and while a room is read. */
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import { Banner, Skeleton } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import styles from './timeline.module.css'

/** What stands above the oldest message that is loaded. */
export function Older({ data }: { data: RoomData }) {
  const hasFailed = useStore(data.timeline.store, ({ error }) => error !== undefined)
  const isAsking = useStore(data.timeline.store, ({ isAskingServers }) => isAskingServers)
  if (isAsking)
    return (
      <div className={styles.asking}>
        <OlderSkeleton label={t('timeline.asking')} count={2} />
        <p aria-hidden>{t('timeline.asking')}</p>
      </div>
    )
  if (!hasFailed) return <OlderSkeleton label={t('timeline.loading')} count={2} />
  return (
    <div className={styles.error}>
      <Banner tone="warn" action={<Button onClick={() => void data.timeline.loadOlder()}>{t('common.retry')}</Button>}>
        {t('timeline.error')}
      </Banner>
    </div>
  )
}

/** Messages are missing between what is above and what is below, and nobody could tell them. */
export function Hole({ data, seq }: { data: RoomData; seq: number }) {
  const isAsking = useStore(data.timeline.store, ({ isAskingServers }) => isAskingServers)
  const retry = (
    <Button disabled={isAsking} onClick={() => void data.timeline.fillHole(seq)}>
      {t('common.retry')}
    </Button>
  )
  return (
    <div className={styles.error}>
      <Banner tone="plain" action={retry}>
        {t(isAsking ? 'timeline.asking' : 'timeline.hole')}
      </Banner>
    </div>
  )
}

export const OlderSkeleton = ({ label, count, fills }: { label: string; count: number; fills?: boolean }) => (
  <div className={`${styles.older} ${fills ? styles.region : ''}`} role="status" aria-label={label}>
    {Array.from({ length: count }, (_, index) => 40 + ((index * 37) % 50)).map((width) => (
      <div key={width} className={styles.olderRow}>
        <Skeleton width={36} height={36} />
        <div>
          <Skeleton width={96} height={12} />
          <Skeleton width={`${width}%`} />
        </div>
      </div>
    ))}
  </div>
)
