/** Where Ctrl/Cmd+K leads: rooms and spaces, people here and elsewhere, pages, and things to do. */
import {
  Activity,
  DoorOpen,
  Hash,
  Keyboard,
  Layers,
  type LucideIcon,
  MessageSquarePlus,
  Monitor,
  Moon,
  Settings,
  Sun,
  UserPlus,
} from 'lucide-react'
import { type ReactNode, useEffect, useMemo, useState } from 'react'
import { attempt, openDirectChat } from '../features/chat/chat-actions.js'
import { openChatDialog } from '../features/chat/dialog-request.js'
import type { ChatDialog } from '../features/chat/dialogs/dialogs.js'
import { isUserId } from '../features/chat/matrix-links.js'
import { listSpaces, orderedRoomIds } from '../features/chat/room-order.js'
import { t } from '../i18n/index.js'
import { useStore } from '../live/store.js'
import type { UserMatch } from '../platform/matrix/rooms.js'
import { Avatar } from '../ui/avatar.js'
import { changePreferences } from './preferences.js'
import { navigate, roomPath } from './route.js'
import { useAdmin } from './server-info.js'
import { useServices } from './services.js'

export type Target = { key: string; label: string; detail?: string | undefined; icon: ReactNode; go: () => void }

const homePages = ['live', 'health', 'people', 'reach', 'rooms', 'federation'] as const
const searchAfterMs = 150

/** @returns those that fit the term, best first */
export function useJumpTargets(term: string, onKeys: () => void): Target[] {
  const services = useServices()
  const { rooms } = useStore(services.live.summaries)
  const lastRoomId = useStore(services.lastRoom)
  const found = usePeople(term)
  const isAdmin = useAdmin() === true
  const places = useMemo((): Target[] => {
    const all = rooms ?? new Map()
    const roomTargets = [...orderedRoomIds(all), ...listSpaces(all).map(({ room_id }) => room_id)].map(
      (roomId): Target => {
        const room = all.get(roomId)!
        const other = room.is_direct ? room.heroes[0] : undefined
        return {
          key: roomId,
          label: room.name,
          detail: other ?? room.canonical_alias,
          icon: (
            <Avatar
              id={other ?? roomId}
              name={room.name}
              mxc={room.avatar_url}
              size={24}
              kind={other ? 'person' : 'room'}
            />
          ),
          go: () => navigate(roomPath(roomId)),
        }
      },
    )
    const open = lastRoomId ? all.get(lastRoomId) : undefined
    return [...roomTargets, ...pages(isAdmin), ...actions(open, onKeys)]
  }, [rooms, lastRoomId, isAdmin, onKeys])
  const talkedTo = new Set([...(rooms?.values() ?? [])].flatMap((room) => (room.is_direct ? room.heroes : [])))
  const people = found
    .filter(({ user_id }) => !talkedTo.has(user_id) && user_id !== services.session.userId)
    .map(
      (user): Target => ({
        key: user.user_id,
        label: user.display_name ?? user.user_id,
        detail: user.display_name ? user.user_id : t('jump.person'),
        icon: <Avatar id={user.user_id} name={user.display_name ?? user.user_id} mxc={user.avatar_url} size={24} />,
        go: () => void attempt(() => openDirectChat(services, user.user_id)),
      }),
    )
  const ranked = rankByTerm([...places, ...people], term)
  // The directory found these by rules of its own; they stay where ours would drop them.
  return [...ranked, ...people.filter((person) => !ranked.includes(person))]
}

function pages(isAdmin: boolean): Target[] {
  return [
    ...homePages
      .filter((page) => isAdmin || page === 'live')
      .map((page) => ({
        key: `home/${page}`,
        label: t(`home.${page}`),
        detail: t('shell.home'),
        icon: <Activity size={18} aria-hidden />,
        go: () => navigate(`/home/${page}`),
      })),
    {
      key: 'settings',
      label: t('profile.settings'),
      icon: <Settings size={18} aria-hidden />,
      go: () => navigate('/settings'),
    },
  ]
}

type OpenRoom = Extract<ChatDialog, { kind: 'invite' }>['room'] | undefined

function actions(room: OpenRoom, onKeys: () => void): Target[] {
  const action = (key: string, label: string, Icon: LucideIcon, go: () => void): Target => ({
    key: `do ${key}`,
    label,
    detail: t('jump.action'),
    icon: <Icon size={18} aria-hidden />,
    go,
  })
  const dialog = (wanted: ChatDialog) => () => openChatDialog(wanted, room?.room_id)
  return [
    action('direct', t('rooms.newChat'), MessageSquarePlus, dialog({ kind: 'direct' })),
    action('create', t('rooms.newRoom'), Hash, dialog({ kind: 'create' })),
    action('createSpace', t('rooms.newSpace'), Layers, dialog({ kind: 'create', makes: 'space' })),
    action('join', t('rooms.join'), DoorOpen, dialog({ kind: 'join' })),
    ...(room?.membership === 'join' && room.can.invite
      ? [action('invite', t('invite.title', { room: room.name }), UserPlus, dialog({ kind: 'invite', room }))]
      : []),
    action('keys', t('profile.keys'), Keyboard, onKeys),
    action('light', t('jump.theme.light'), Sun, () => changePreferences({ theme: 'light' })),
    action('dark', t('jump.theme.dark'), Moon, () => changePreferences({ theme: 'dark' })),
    action('system', t('jump.theme.system'), Monitor, () => changePreferences({ theme: 'system' })),
  ]
}

/** People the server knows by this term; a whole ID is somebody wherever they are. */
function usePeople(term: string): readonly UserMatch[] {
  const { matrix } = useServices()
  const [people, setPeople] = useState<{ term: string; found: readonly UserMatch[] }>({ term: '', found: [] })
  const wanted = term.trim()
  useEffect(() => {
    if (!wanted) return
    const abort = new AbortController()
    const timer = setTimeout(() => {
      matrix.searchUsers(wanted, 8, abort.signal).then(
        (found) => setPeople({ term: wanted, found }),
        () => undefined, // rooms and pages are found without
      )
    }, searchAfterMs)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [wanted, matrix])
  if (!wanted) return []
  const known = people.found.some(({ user_id }) => user_id === wanted)
  return isUserId(wanted) && !known ? [...people.found, { user_id: wanted }] : people.found
}

/** Names that begin with the term, then words that do, then anything that holds it; order kept within each. */
export function rankByTerm<Item extends { label: string; detail?: string | undefined }>(
  items: readonly Item[],
  term: string,
): Item[] {
  const wanted = term.trim().toLocaleLowerCase()
  if (!wanted) return [...items]
  const rank = ({ label, detail }: Item) => {
    const name = label.toLocaleLowerCase()
    if (name.startsWith(wanted)) return 0
    if (name.split(/[\s\-_.:#@]+/).some((word) => word.startsWith(wanted))) return 1
    if (name.includes(wanted) || detail?.toLocaleLowerCase().includes(wanted)) return 2
    return 3
  }
  return [0, 1, 2].flatMap((wantedRank) => items.filter((item) => rank(item) === wantedRank))
}
