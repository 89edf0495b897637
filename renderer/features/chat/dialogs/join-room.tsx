/** Joins a room by address, ID or link, or from the public rooms of this server. */
import { useEffect, useState } from 'react'
import { navigate, roomPath } from '../../../app/route.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { serverNameOf } from '../../../platform/matrix/login-session.js'
import type { PublicRoom } from '../../../platform/matrix/rooms.js'
import { Avatar } from '../../../ui/avatar.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextField } from '../../../ui/field.js'
import { joinRoom } from '../join-room.js'
import { isRoomReference, parseMatrixLink } from '../matrix-links.js'
import styles from './people.module.css'
import { useAction } from './use-action.js'

export function JoinRoomDialog({ onClose }: { onClose: () => void }) {
  const services = useServices()
  const { live } = services
  const [address, setAddress] = useState('')
  const action = useAction(onClose)
  const publicRooms = usePublicRooms(address)

  const join = (idOrAlias: string, via: string[]) =>
    action.run(async () => {
      const isIn = live.summaries.get().rooms?.get(idOrAlias)?.membership === 'join'
      navigate(roomPath(isIn ? idOrAlias : await joinRoom(services, idOrAlias, via)))
    })
  const submit = () => {
    const typed = address.trim()
    const link = parseMatrixLink(typed)
    if (link?.kind === 'room') return void join(link.idOrAlias, link.via)
    if (!isRoomReference(typed)) return action.setProblem(t('join.bad'))
    const server = typed.includes(':') ? [serverNameOf(typed)] : []
    void join(typed, server)
  }
  return (
    <Dialog
      title={t('join.title')}
      onClose={onClose}
      onSubmit={submit}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={action.isBusy || address.trim() === ''}>
            {t('join.submit')}
          </Button>
        </>
      }
    >
      {action.problem && <Banner tone="bad">{action.problem}</Banner>}
      <TextField
        label={t('join.address')}
        hint={t('join.hint')}
        value={address}
        onChange={(event) => setAddress(event.target.value)}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        autoFocus
      />
      {publicRooms && (
        <section>
          <h3 className={styles.heading}>{t('join.public')}</h3>
          {publicRooms.length === 0 && <p className={styles.note}>{t('join.noPublic')}</p>}
          <ul className={styles.list}>
            {publicRooms.map((room) => (
              <li key={room.room_id}>
                <button type="button" className={styles.person} onClick={() => void join(room.room_id, [])}>
                  <Avatar id={room.room_id} name={room.name ?? '#'} mxc={room.avatar_url} size={32} kind="room" />
                  <span className={styles.names}>
                    <b>{room.name ?? room.canonical_alias ?? room.room_id}</b>
                    <span>
                      {t('room.members', { count: room.num_joined_members })}
                      {room.topic ? ` · ${room.topic}` : ''}
                    </span>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
    </Dialog>
  )
}

function usePublicRooms(term: string): PublicRoom[] | undefined {
  const { matrix } = useServices()
  const [rooms, setRooms] = useState<PublicRoom[]>()
  useEffect(() => {
    const abort = new AbortController()
    const wanted = term.trim().replace(/^[#!]/, '').split(':')[0] ?? ''
    const timer = setTimeout(() => {
      matrix.searchPublicRooms(wanted, 20, abort.signal).then(setRooms, () => undefined) // the field above works without
    }, 200)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [term, matrix])
  return rooms
}
