/** What stands where messages are not here: above the oldest one, in a hole, and while a room is read. */
import { useEffect, useRef } from 'react'
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
  // Of one height, asking or not: it is at the edge of what somebody reads.
  if (isAsking || !hasFailed)
    return (
      <div className={styles.asking}>
        <OlderSkeleton label={t(isAsking ? 'timeline.asking' : 'timeline.loading')} count={2} />
        <p aria-hidden>{isAsking ? t('timeline.asking') : '\u00a0'}</p>
      </div>
    )
  return (
    <div className={styles.error}>
      <Banner tone="warn" action={<Button onClick={() => void data.timeline.loadOlder()}>{t('common.retry')}</Button>}>
        {t('timeline.error')}
      </Banner>
    </div>
  )
}

/**
 * Messages are missing between what is above and what is below. Where nobody was asked for them yet (the room was
 * entered above them), they are asked for as soon as the line is seen, and again until all are here.
 */
export function Hole({ data, seq }: { data: RoomData; seq: number }) {
  const isAsking = useStore(data.timeline.store, ({ isAskingServers }) => isAskingServers)
  const wasAsked = useStore(data.timeline.store, ({ passed }) => passed.has(seq))
  const line = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (wasAsked || isAsking || !line.current) return
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void data.timeline.fillHole(seq)
    })
    observer.observe(line.current)
    return () => observer.disconnect()
  }, [data, seq, wasAsked, isAsking])
  const retry = wasAsked && (
    <Button disabled={isAsking} onClick={() => void data.timeline.fillHole(seq, true)}>
      {t('common.retry')}
    </Button>
  )
  return (
    <div ref={line} className={styles.error}>
      <Banner tone="plain" action={retry}>
        {t(isAsking || !wasAsked ? 'timeline.askingHole' : 'timeline.hole')}
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
