/** One room: its facts and its members. */
import { useState } from 'react'
import { navigate, roomPath } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { useLoaded } from '../../../app/use-loaded.js'
import { formatNumber } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import { Button } from '../../../ui/button.js'
import { SearchField } from '../../../ui/field.js'
import { type AdminRoom, listRoomMembers, readRoom } from '../admin-api.js'
import { PanelActions, PanelSection } from '../list-and-detail.js'
import { Fact, Facts, LoadFailed, LoadingRows } from '../page.js'
import tools from '../tools.module.css'
import styles from './room-panel.module.css'
import { accessOf } from './room-text.js'

const shownFirst = 50
const yesNo = (value: boolean) => t(value ? 'home.yes' : 'home.no')

export function RoomPanel({ roomId, known }: { roomId: string; known: AdminRoom | undefined }) {
  const { http } = useServices().matrix
  const room = useLoaded(() => readRoom(http, roomId), roomId)
  const shown = room.value ?? known
  if (!shown)
    return room.error === undefined ? <LoadingRows count={5} /> : <LoadFailed {...room} onRetry={room.reload} />
  return <Details room={shown} />
}

function Details({ room }: { room: AdminRoom }) {
  const { live } = useServices()
  const isMember = useStore(live.summaries, ({ rooms }) => rooms?.get(room.room_id)?.membership === 'join')
  return (
    <>
      {isMember && (
        <PanelActions>
          <Button onClick={() => navigate(roomPath(room.room_id))}>{t('adminRooms.open')}</Button>
        </PanelActions>
      )}
      <PanelSection>
        <Facts>
          <Fact name={t('adminRooms.id')}>
            <code className={tools.id}>{room.room_id}</code>
          </Fact>
          {room.canonical_alias && (
            <Fact name={t('adminRooms.alias')}>
              <code className={tools.id}>{room.canonical_alias}</code>
            </Fact>
          )}
          {room.topic && (
            <Fact name={t('adminRooms.topic')}>
              <bdi>{room.topic.slice(0, 600)}</bdi>
            </Fact>
          )}
          <Fact name={t('adminRooms.creator')}>
            <code className={tools.id}>{room.creator}</code>
          </Fact>
          <Fact name={t('adminRooms.column.access')}>{accessOf(room)}</Fact>
          <Fact name={t('adminRooms.encrypted')}>{yesNo(room.encryption !== null)}</Fact>
          <Fact name={t('adminRooms.federated')}>{yesNo(room.federatable)}</Fact>
          <Fact name={t('adminRooms.listed')}>{yesNo(room.public)}</Fact>
          <Fact name={t('adminRooms.column.version')}>{room.version}</Fact>
          <Fact name={t('adminRooms.column.events')}>{formatNumber(room.state_events)}</Fact>
        </Facts>
      </PanelSection>
      <Members roomId={room.room_id} />
    </>
  )
}

function Members({ roomId }: { roomId: string }) {
  const { matrix, session } = useServices()
  const members = useLoaded(() => listRoomMembers(matrix.http, roomId), roomId)
  const [term, setTerm] = useState('')
  const [limit, setLimit] = useState(shownFirst)
  const own = serverNameOf(session.userId)
  const found = (members.value?.members ?? []).filter((userId) =>
    userId.toLowerCase().includes(term.trim().toLowerCase()),
  )
  return (
    <PanelSection title={`${t('adminRooms.members')}${members.value ? ` (${members.value.total})` : ''}`}>
      {members.error !== undefined && <LoadFailed error={members.error} onRetry={members.reload} />}
      {!members.value && members.error === undefined && <LoadingRows count={3} />}
      {members.value && members.value.total > 10 && (
        <SearchField label={t('common.search')} value={term} onChange={(event) => setTerm(event.target.value)} />
      )}
      <ul>
        {found.slice(0, limit).map((userId) => (
          <li key={userId} className={styles.member}>
            {serverNameOf(userId) === own ? (
              <button
                type="button"
                className={styles.link}
                onClick={() => navigate(`/home/people/${encodeURIComponent(userId)}`)}
              >
                {userId}
              </button>
            ) : (
              <span>{userId}</span>
            )}
          </li>
        ))}
      </ul>
      {found.length > limit && <Button onClick={() => setLimit(limit + 200)}>{t('home.showMore')}</Button>}
    </PanelSection>
  )
}
