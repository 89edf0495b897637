/**
 * Where a link to a person or room leads that the user has nothing with yet: says what it is and asks.
 * A link never joins or writes by itself; it may come from any web page.
 */
import { useEffect, useState } from 'react'
import { navigate, type Route, roomPath } from '../../app/route.js'
import { useServices } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { useStore } from '../../live/store.js'
import { EmptyState } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { attempt, findJoinedRoom, openDirectChat } from './chat-actions.js'
import { joinRoom } from './join-room.js'
import { isRoomReference, isUserId } from './matrix-links.js'

export default function LinkPage({ route }: { route: Route }) {
  const services = useServices()
  const isLoaded = useStore(services.live.summaries, ({ rooms }) => rooms !== undefined)
  const [isBusy, setIsBusy] = useState(false)
  const [entity = '', eventId] = route.parts
  const isUser = isUserId(entity)
  const isRoom = isRoomReference(entity)
  const known = useStore(services.live.summaries, ({ rooms }) => findJoinedRoom(rooms, entity))
  useEffect(() => {
    if (known) navigate(roomPath(known.room_id, eventId), 'replace')
  }, [known, eventId])

  const go = async () => {
    setIsBusy(true)
    await attempt(async () => {
      if (isUser) await openDirectChat(services, entity)
      else navigate(roomPath(await joinRoom(services, entity, [...route.via]), eventId), 'replace')
    })
    setIsBusy(false)
  }
  if (!isUser && !isRoom)
    return (
      <EmptyState
        fills
        title={t('link.unknown')}
        action={<Button onClick={() => navigate('/')}>{t('common.back')}</Button>}
      />
    )
  return (
    <EmptyState
      fills
      withMark
      title={entity}
      text={t(isUser ? 'link.user' : 'link.room')}
      action={
        <>
          <Button variant="primary" disabled={isBusy || !isLoaded} onClick={go}>
            {t(isUser ? 'member.message' : 'join.submit')}
          </Button>
          <Button variant="quiet" onClick={() => navigate('/')}>
            {t('common.cancel')}
          </Button>
        </>
      }
    />
  )
}
