/** Small parts: count badge, filter chip, empty state, banner, skeleton, progress bar. */
import type { ReactNode } from 'react'
import { formatNumber } from '../i18n/format.js'
import styles from './bits.module.css'
import { HearthMark } from './hearth-mark.js'

/** A count. `isLoud` (a mention) takes the accent. Over 999 it says so instead of growing. */
export const Badge = ({ count, isLoud, label }: { count: number; isLoud?: boolean; label: string }) => (
  <span className={`${styles.badge} ${isLoud ? styles.badgeAccent : ''}`}>
    <span aria-hidden>{count > 999 ? '999+' : formatNumber(count)}</span>
    <span className="visually-hidden">{label}</span>
  </span>
)

type ChipProps = { isOn: boolean; onToggle: () => void; children: ReactNode }
export const Chip = ({ isOn, onToggle, children }: ChipProps) => (
  <button type="button" className={styles.chip} aria-pressed={isOn} onClick={onToggle}>
    {children}
  </button>
)

type EmptyProps = { title: string; text?: ReactNode; action?: ReactNode; withMark?: boolean; fills?: boolean }

/** Says what will appear here and gives the one action. */
export const EmptyState = ({ title, text, action, withMark, fills }: EmptyProps) => (
  <div className={`${styles.empty} ${fills ? styles.fill : ''}`}>
    {withMark && <HearthMark size={40} />}
    <h2>{title}</h2>
    {text && <p>{text}</p>}
    {action}
  </div>
)

type BannerProps = { tone?: 'plain' | 'warn' | 'bad'; children: ReactNode; action?: ReactNode }
export const Banner = ({ tone = 'plain', children, action }: BannerProps) => (
  <div
    className={`${styles.banner} ${tone === 'plain' ? '' : styles[tone]}`}
    role={tone === 'bad' ? 'alert' : 'status'}
  >
    <span>{children}</span>
    {action}
  </div>
)

/** Holds the place of something that is about to come; it does not move. */
export const Skeleton = ({ width, height = 14 }: { width: number | string; height?: number }) => (
  <div className={styles.skeleton} style={{ width, height }} aria-hidden />
)

/** @param value from 0 to 1 */
export const Progress = ({ value, label }: { value: number; label: string }) => (
  <progress className={styles.progress} value={value} max={1} aria-label={label} />
)
