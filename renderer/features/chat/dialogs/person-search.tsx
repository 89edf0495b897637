/** Finds people by name on this server, or takes a whole ID; used to write to someone and to invite. */
import { useEffect, useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import type { UserMatch } from '../../../platform/matrix/rooms.js'
import { Avatar } from '../../../ui/avatar.js'
import { TextField } from '../../../ui/field.js'
import { isUserId } from '../matrix-links.js'
import styles from './people.module.css'

type PersonSearchProps = {
  value: string
  onChange: (value: string) => void
  onPick: (userId: string) => void
  /** Left out, e.g. who is there already. */
  without?: ReadonlySet<string>
}

const waitMs = 200

export function PersonSearch({ value, onChange, onPick, without }: PersonSearchProps) {
  const { matches, isDone } = useUserSearch(value)
  const shown = matches.filter((match) => !without?.has(match.user_id))
  return (
    <>
      <TextField
        label={t('direct.who')}
        hint={t('direct.hint')}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      {shown.length > 0 && (
        <ul className={styles.list} aria-label={t('direct.people')}>
          {shown.map((match) => (
            <li key={match.user_id}>
              <button type="button" className={styles.person} onClick={() => onPick(match.user_id)}>
                <Avatar
                  id={match.user_id}
                  name={match.display_name ?? localpartOf(match.user_id)}
                  mxc={match.avatar_url}
                  size={32}
                />
                <span className={styles.names}>
                  <b>{match.display_name ?? localpartOf(match.user_id)}</b>
                  <span>{match.user_id}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {isDone && shown.length === 0 && value.trim() !== '' && !isUserId(value.trim()) && (
        <p className={styles.note}>{t('direct.none')}</p>
      )}
    </>
  )
}

/** The server's directory, and the people of the user's own rooms, whom it may not list. */
function useUserSearch(term: string): { matches: UserMatch[]; isDone: boolean } {
  const { matrix, session, live } = useServices()
  const [found, setFound] = useState<{ matches: UserMatch[]; isDone: boolean }>({ matches: [], isDone: false })
  useEffect(() => {
    const wanted = term.trim().replace(/^@/, '')
    if (wanted === '') return setFound({ matches: [], isDone: false })
    const abort = new AbortController()
    const timer = setTimeout(() => {
      const known = knownPeople(live.summaries.get().rooms?.values() ?? [], wanted)
      const show = (found: UserMatch[]) => {
        const byId = new Map([...found, ...known].map((match) => [match.user_id, match]))
        byId.delete(session.userId)
        setFound({ matches: [...byId.values()].slice(0, 12), isDone: true })
      }
      matrix.searchUsers(wanted, 12, abort.signal).then(show, () => abort.signal.aborted || show([]))
    }, waitMs)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [term, matrix, session, live])
  return found
}

/** People the user shares a room with, as far as the room list names them. */
export function knownPeople(rooms: Iterable<RoomSummaryRow>, term: string): UserMatch[] {
  const wanted = term.toLocaleLowerCase()
  const people = new Map<string, UserMatch>()
  for (const room of rooms)
    for (const user_id of room.heroes) {
      const name = room.is_direct && room.heroes.length === 1 ? room.name : undefined
      if (!people.has(user_id) || name) people.set(user_id, { user_id, ...(name ? { display_name: name } : {}) })
    }
  return [...people.values()].filter(
    ({ user_id, display_name }) =>
      user_id.toLowerCase().includes(wanted) || display_name?.toLocaleLowerCase().includes(wanted),
  )
}
