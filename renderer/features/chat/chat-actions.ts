/** What several parts of the chat do: open a conversation, follow a link, ignore someone. */
import type { RoomSummaryRow } from '../../../server/api/live/rows.js'
import { linkPath, navigate, roomPath } from '../../app/route.js'
import type { Services } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { readIgnoredUsers } from '../../live/account-data.js'
import { copyText as copy } from '../../platform/clipboard.js'
import { explainError } from '../../platform/matrix/errors.js'
import { encryptionState } from '../../platform/matrix/rooms.js'
import { showToast } from '../../ui/toast.js'
import type { MatrixTarget } from './matrix-links.js'

/** Does it, and says what went wrong. @returns whether it worked */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    showToast(explainError(error), 'bad')
    return false
  }
}

/** Opens the conversation with someone, making it if there is none. */
export async function openDirectChat({ matrix, live, session, encryption }: Services, userId: string): Promise<void> {
  const rooms = [...(live.summaries.get().rooms?.values() ?? [])]
  const known = rooms.find(
    (room) => room.membership === 'join' && room.is_direct && room.heroes.length === 1 && room.heroes[0] === userId,
  )
  if (known) return navigate(roomPath(known.room_id))
  const roomId = await matrix.createRoom({
    preset: 'trusted_private_chat',
    is_direct: true,
    invite: [userId],
    // Who has no app that encrypts (a bridge, a bot) could read nothing.
    ...((await encryption.canReach(userId)) ? { initial_state: [encryptionState] } : {}),
  })
  const direct = (live.accountData.get().get(' m.direct') ?? {}) as Record<string, string[]>
  const ofUser = [...(direct[userId] ?? []), roomId]
  await matrix.setAccountData(session.userId, 'm.direct', { ...direct, [userId]: ofUser })
  navigate(roomPath(roomId))
}

/** The room of the user's that an ID or address names. */
export const findJoinedRoom = (rooms: ReadonlyMap<string, RoomSummaryRow> | undefined, idOrAlias: string) =>
  [...(rooms?.values() ?? [])].find(
    (room) => room.membership === 'join' && (room.room_id === idOrAlias || room.canonical_alias === idOrAlias),
  )

/** Goes where a Matrix link leads: a room of the user's; for others the page that asks first. */
export function followMatrixLink({ live }: Services, target: MatrixTarget): void {
  if (target.kind === 'user') {
    navigate(linkPath(target.userId))
    return
  }
  const known = findJoinedRoom(live.summaries.get().rooms, target.idOrAlias)
  const path = known ? roomPath(known.room_id, target.eventId) : linkPath(target.idOrAlias, target.via, target.eventId)
  navigate(path)
}

export async function setIgnored(
  { matrix, live, session }: Services,
  userId: string,
  isIgnored: boolean,
): Promise<void> {
  const users = new Set(readIgnoredUsers(live.accountData.get(), session.userId))
  if (isIgnored) users.add(userId)
  else users.delete(userId)
  const ignored_users = Object.fromEntries([...users].map((user) => [user, {}]))
  await matrix.setAccountData(session.userId, 'm.ignored_user_list', { ignored_users })
}

export async function copyText(text: string): Promise<void> {
  if (await attempt(() => copy(text))) showToast(t('common.copied'))
}
