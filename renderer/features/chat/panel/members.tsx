/** The people of a room by role: searchable, virtualised, each with what may be done. */
import { AtSign, Ban, MessageSquare, ShieldCheck, UserCheck, UserMinus, UserX } from 'lucide-react'
import '../../../i18n/late.js'
import { useEffect, useMemo, useState } from 'react'
import { VList } from 'virtua'
import type { RoomMemberRow, RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { openTrustDialog } from '../../../encryption/trust-dialog.js'
import { formatNumber } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { readIgnoredUsers } from '../../../live/account-data.js'
import { useStore } from '../../../live/store.js'
import { Avatar } from '../../../ui/avatar.js'
import { Skeleton } from '../../../ui/bits.js'
import { SearchField } from '../../../ui/field.js'
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '../../../ui/menu.js'
import { attempt, copyText, openDirectChat, setIgnored } from '../chat-actions.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { makeNames, type Names } from '../names.js'
import { useFollowMembers, usePresence } from '../presence.js'
import { useRoomData } from '../use-room.js'
import { groupMembers } from './member-groups.js'
import styles from './panel.module.css'

type MembersProps = { room: RoomSummaryRow; onDialog: (dialog: ChatDialog) => void }

export function Members({ room, onDialog }: MembersProps) {
  const { members: source } = useRoomData(room.room_id)
  const { members, isComplete } = useStore(source.store)
  const [term, setTerm] = useState('')
  const lines = useMemo(() => groupMembers(members.values(), term), [members, term])
  const names = useMemo(() => makeNames(members), [members])
  const followed = useMemo(
    () => [...members.values()].filter((member) => member.membership === 'join').map((member) => member.user_id),
    [members],
  )
  useFollowMembers(followed)
  useEffect(() => {
    void source.readAll().catch(() => undefined) // read again when the connection is back
  }, [source])
  return (
    <>
      <div className={styles.search}>
        <SearchField label={t('panel.searchPeople')} value={term} onChange={(event) => setTerm(event.target.value)} />
      </div>
      {lines.length === 0 && isComplete && <p className={styles.none}>{t('panel.noPeople')}</p>}
      {lines.length === 0 && !isComplete && (
        <div className={styles.none} role="status" aria-label={t('common.loading')}>
          <Skeleton width="60%" />
        </div>
      )}
      <div className={styles.members}>
        <VList tabIndex={-1}>
          {lines.map((line) =>
            line.kind === 'group' ? (
              <h2 key={line.key} className={styles.group}>
                {t(line.label)} · <span className="tabular">{formatNumber(line.count)}</span>
              </h2>
            ) : (
              <Member key={line.key} member={line.member} room={room} names={names} onDialog={onDialog} />
            ),
          )}
        </VList>
      </div>
    </>
  )
}

type MemberProps = { member: RoomMemberRow; room: RoomSummaryRow; names: Names; onDialog: (dialog: ChatDialog) => void }

function Member({ member, room, names, onDialog }: MemberProps) {
  const services = useServices()
  const presence = usePresence(member.user_id)
  const ignored = useStore(services.live.accountData, (data) => readIgnoredUsers(data, services.session.userId))
  const canEncrypt = useStore(services.encryption.status, ({ kind }) => kind !== 'unavailable')
  const name = names.nameOf(member.user_id)
  const isMe = member.user_id === services.session.userId
  const isIgnored = ignored.has(member.user_id)
  return (
    <Menu
      side="left"
      align="start"
      trigger={
        <button type="button" className={styles.member}>
          <Avatar
            id={member.user_id}
            name={name}
            mxc={member.avatar_url}
            size={32}
            presence={member.membership === 'join' ? presence : undefined}
          />
          <span className={styles.memberName}>
            <b>{name}</b>
            <span>{member.user_id}</span>
          </span>
        </button>
      }
    >
      <MenuLabel>{member.user_id}</MenuLabel>
      {!isMe && (
        <MenuItem
          icon={<MessageSquare size={16} aria-hidden />}
          onSelect={() => void attempt(() => openDirectChat(services, member.user_id))}
        >
          {t('member.message')}
        </MenuItem>
      )}
      {!isMe && canEncrypt && (
        <MenuItem
          icon={<ShieldCheck size={16} aria-hidden />}
          onSelect={() => openTrustDialog({ kind: 'person', userId: member.user_id, name })}
        >
          {t('verify.person')}
        </MenuItem>
      )}
      <MenuItem icon={<AtSign size={16} aria-hidden />} onSelect={() => void copyText(member.user_id)}>
        {t('common.copy')}
      </MenuItem>
      {!isMe && (
        <>
          <MenuItem
            icon={isIgnored ? <UserCheck size={16} aria-hidden /> : <UserX size={16} aria-hidden />}
            onSelect={() => void attempt(() => setIgnored(services, member.user_id, !isIgnored))}
          >
            {t(isIgnored ? 'member.unignore' : 'member.ignore')}
          </MenuItem>
          <Moderation member={member} room={room} name={name} onDialog={onDialog} />
        </>
      )}
    </Menu>
  )
}

/** Only what the auth rules would let through: the right, and more power than the other. */
function Moderation({ member, room, name, onDialog }: Omit<MemberProps, 'names'> & { name: string }) {
  const { matrix } = useServices()
  const isAbove = room.my_power_level > member.power_level
  const canKick = room.can.kick && isAbove
  const canBan = room.can.ban && isAbove
  if (member.membership === 'ban')
    return canBan ? (
      <>
        <MenuSeparator />
        <MenuItem
          icon={<UserCheck size={16} aria-hidden />}
          onSelect={() => void attempt(() => matrix.unbanUser(room.room_id, member.user_id))}
        >
          {t('member.unban')}
        </MenuItem>
      </>
    ) : null
  if (!canKick && !canBan) return null
  return (
    <>
      <MenuSeparator />
      {canKick && member.membership === 'invite' && (
        <MenuItem
          icon={<UserMinus size={16} aria-hidden />}
          onSelect={() => void attempt(() => matrix.kickUser(room.room_id, member.user_id))}
        >
          {t('member.uninvite')}
        </MenuItem>
      )}
      {canKick && member.membership === 'join' && (
        <MenuItem
          icon={<UserMinus size={16} aria-hidden />}
          isDanger
          onSelect={() => onDialog({ kind: 'moderate', action: 'kick', member, name })}
        >
          {t('member.kick')}
        </MenuItem>
      )}
      {canBan && (
        <MenuItem
          icon={<Ban size={16} aria-hidden />}
          isDanger
          onSelect={() => onDialog({ kind: 'moderate', action: 'ban', member, name })}
        >
          {t('member.ban')}
        </MenuItem>
      )}
    </>
  )
}
