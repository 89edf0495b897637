/** Who is what in a room, and what each role may do. Nobody gives away their own power unasked. */
import { useState } from 'react'
import type { RoomMemberRow, RoomSummaryRow } from '../../../../../server/api/live/rows.js'
import { useServices } from '../../../../app/services.js'
import { t } from '../../../../i18n/index.js'
import { useStore } from '../../../../live/store.js'
import { Avatar } from '../../../../ui/avatar.js'
import { Banner, Skeleton } from '../../../../ui/bits.js'
import { Button } from '../../../../ui/button.js'
import { useNames } from '../../names.js'
import { useRoomData } from '../../use-room.js'
import { levelFor, levelOf, namedLevels, type PowerLevels, permissions, withLevel, withUser } from './power-levels.js'
import styles from './room-settings.module.css'
import { useRoomState } from './use-room-state.js'
import { useSaving } from './use-saving.js'

const mostListed = 100
/** Creators of a room of version 12 stand above all numbers. */
const creatorLevel = 9_007_199_254_740_991

export function RolesPart({ room }: { room: RoomSummaryRow }) {
  const { matrix, session } = useServices()
  const levels = useRoomState(room, 'm.room.power_levels') as PowerLevels | undefined
  const saving = useSaving()
  const [asked, setAsked] = useState<{ userId: string; level: number }>()
  if (!levels) return <Skeleton width="60%" />
  const mine = room.my_power_level
  const may = !saving.isBusy && room.can.power_levels && mine >= levelFor(levels, 'm.room.power_levels')
  const save = (next: PowerLevels) =>
    void saving.save(() => matrix.sendState(room.room_id, 'm.room.power_levels', '', next))
  const setUser = (userId: string, level: number) => {
    if (userId === session.userId && level < mine) return setAsked({ userId, level })
    save(withUser(levels, userId, level))
  }
  return (
    <div className={styles.form}>
      {saving.problem && <Banner tone="bad">{saving.problem}</Banner>}
      {asked && (
        <Banner
          tone="warn"
          action={
            <>
              <Button onClick={() => setAsked(undefined)}>{t('common.cancel')}</Button>
              <Button
                variant="danger"
                onClick={() => {
                  save(withUser(levels, asked.userId, asked.level))
                  setAsked(undefined)
                }}
              >
                {t('roomSettings.giveUp')}
              </Button>
            </>
          }
        >
          {t('roomSettings.giveUpText')}
        </Banner>
      )}
      <People room={room} mine={mine} may={may} onLevel={setUser} />
      <fieldset className={styles.rows}>
        <legend>{t('roomSettings.permissions')}</legend>
        {permissions.map((permission) => {
          const level = levelOf(levels, permission)
          return (
            <LevelRow
              key={permission.key}
              label={t(`roomSettings.may.${permission.key}`)}
              level={level}
              most={mine}
              disabled={!may || level > mine}
              onLevel={(next) => save(withLevel(levels, permission, next))}
            />
          )
        })}
      </fieldset>
    </div>
  )
}

type PeopleProps = {
  room: RoomSummaryRow
  mine: number
  may: boolean
  onLevel: (userId: string, level: number) => void
}

function People({ room, mine, may, onLevel }: PeopleProps) {
  const { members } = useRoomData(room.room_id)
  const names = useNames(members)
  const { session } = useServices()
  const all = useStore(members.store).members
  const listed = [...all.values()]
    .filter((member) => member.membership === 'join')
    .sort((a, b) => b.power_level - a.power_level || (a.user_id < b.user_id ? -1 : 1))
    .slice(0, mostListed)
  const isLocked = (member: RoomMemberRow) =>
    member.power_level >= creatorLevel || (member.power_level >= mine && member.user_id !== session.userId)
  return (
    <fieldset className={styles.rows}>
      <legend>{t('roomSettings.people')}</legend>
      {listed.map((member) => (
        <LevelRow
          key={member.user_id}
          label={names.nameOf(member.user_id)}
          icon={<Avatar id={member.user_id} name={names.nameOf(member.user_id)} mxc={member.avatar_url} size={24} />}
          level={member.power_level}
          most={mine}
          disabled={!may || isLocked(member)}
          onLevel={(level) => onLevel(member.user_id, level)}
        />
      ))}
    </fieldset>
  )
}

type LevelRowProps = {
  label: string
  icon?: React.ReactNode
  level: number
  /** Nobody gives more than they have. */
  most: number
  disabled: boolean
  onLevel: (level: number) => void
}

function LevelRow({ label, icon, level, most, disabled, onLevel }: LevelRowProps) {
  const named = namedLevels.filter((each) => each <= most || each === level)
  const options = named.some((each) => each === level) ? named : [...named, level].sort((a, b) => a - b)
  return (
    <div className={styles.row}>
      {icon}
      <span>{label}</span>
      <select
        aria-label={label}
        value={level}
        disabled={disabled}
        onChange={(event) => onLevel(Number(event.target.value))}
      >
        {options.map((each) => (
          <option key={each} value={each}>
            {nameOf(each)}
          </option>
        ))}
      </select>
    </div>
  )
}

function nameOf(level: number): string {
  if (level >= creatorLevel) return t('roomSettings.level.creator')
  if (level === 100) return t('roomSettings.level.100')
  if (level === 50) return t('roomSettings.level.50')
  if (level === 0) return t('roomSettings.level.0')
  return t('roomSettings.level.other', { level })
}
