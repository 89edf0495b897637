/** Ctrl/Cmd+K: any room, person or page by a few letters of its name. */
import { Activity, Settings, UserRound } from 'lucide-react'
import { type KeyboardEvent, type ReactNode, useId, useMemo, useState } from 'react'
import { orderedRoomIds } from '../features/chat/room-order.js'
import { t } from '../i18n/index.js'
import { useStore } from '../live/store.js'
import { Avatar } from '../ui/avatar.js'
import { Dialog } from '../ui/dialog.js'
import { SearchField } from '../ui/field.js'
import styles from './jump-dialog.module.css'
import { navigate, roomPath } from './route.js'
import { useAdmin } from './server-info.js'
import { useServices } from './services.js'

type Target = { key: string; label: string; detail?: string | undefined; icon: ReactNode; path: string }

const shown = 40
const homePages = ['live', 'health', 'people', 'reach', 'rooms', 'federation'] as const

export default function JumpDialog({ onClose }: { onClose: () => void }) {
  const { rooms } = useStore(useServices().live.summaries)
  const [term, setTerm] = useState('')
  const [at, setAt] = useState(0)
  const listId = useId()
  const isAdmin = useAdmin() === true
  const targets = useMemo((): Target[] => {
    const pages: Target[] = [
      ...homePages
        .filter((page) => isAdmin || page === 'live')
        .map((page) => ({
          key: `home/${page}`,
          label: t(`home.${page}`),
          detail: t('shell.home'),
          icon: <Activity size={18} aria-hidden />,
          path: `/home/${page}`,
        })),
      { key: 'settings', label: t('profile.settings'), icon: <Settings size={18} aria-hidden />, path: '/settings' },
    ]
    const list = orderedRoomIds(rooms ?? new Map()).map((roomId): Target => {
      const room = rooms!.get(roomId)!
      return {
        key: roomId,
        label: room.name,
        detail: room.is_direct ? room.heroes[0] : room.canonical_alias,
        icon: room.is_direct ? (
          <Avatar id={room.heroes[0] ?? roomId} name={room.name} mxc={room.avatar_url} size={24} />
        ) : (
          <Avatar id={roomId} name={room.name} mxc={room.avatar_url} size={24} kind="room" />
        ),
        path: roomPath(roomId),
      }
    })
    return rankByTerm([...list, ...pages], term).slice(0, shown)
  }, [rooms, term, isAdmin])

  const go = (target: Target | undefined) => {
    if (!target) return
    onClose()
    navigate(target.path)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter') go(targets[at])
    else if (event.key === 'ArrowDown') setAt(Math.min(at + 1, targets.length - 1))
    else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0))
    else return
    event.preventDefault()
  }
  return (
    <Dialog title={t('jump.title')} onClose={onClose} width="wide">
      <SearchField
        label={t('jump.placeholder')}
        value={term}
        onChange={(event) => {
          setTerm(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
        role="combobox"
        aria-expanded={true}
        aria-controls={listId}
        aria-activedescendant={targets[at] ? `${listId}-${at}` : undefined}
        autoComplete="off"
        autoFocus
      />
      <div id={listId} role="listbox" aria-label={t('jump.title')} className={styles.list}>
        {targets.map((target, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the combobox's
          <div
            key={target.key}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            className={styles.option}
            ref={(element) => {
              if (index === at) element?.scrollIntoView({ block: 'nearest' })
            }}
            onMouseMove={() => setAt(index)}
            onClick={() => go(target)}
          >
            <span className={styles.icon}>{target.icon ?? <UserRound size={18} aria-hidden />}</span>
            <span className={styles.label}>{target.label}</span>
            <span className={styles.detail}>{target.detail}</span>
          </div>
        ))}
      </div>
      {targets.length === 0 && <p className={styles.nothing}>{t('jump.nothing')}</p>}
    </Dialog>
  )
}

/** Names that begin with the term, then words that do, then anything that holds it; order kept within each. */
export function rankByTerm<Item extends { label: string; detail?: string | undefined }>(
  items: Item[],
  term: string,
): Item[] {
  const wanted = term.trim().toLocaleLowerCase()
  if (!wanted) return items
  const rank = ({ label, detail }: Item) => {
    const name = label.toLocaleLowerCase()
    if (name.startsWith(wanted)) return 0
    if (name.split(/[\s\-_.:#@]+/).some((word) => word.startsWith(wanted))) return 1
    if (name.includes(wanted) || detail?.toLocaleLowerCase().includes(wanted)) return 2
    return 3
  }
  return [0, 1, 2].flatMap((wantedRank) => items.filter((item) => rank(item) === wantedRank))
}
