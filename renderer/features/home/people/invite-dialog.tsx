/**
 * Invites a person: where they open the link and where they arrive, then the link and its code, shown once.
 *
 * What the link leads to is asked of what listens. Where only this machine is reached so far, the network at home can be
 * turned on in the same step, with what that means said beside it.
 */
import { useState } from 'react'
import { type Services, useServices } from '../../../app/services.js'
import { useLoaded } from '../../../app/use-loaded.js'
import { formatDateTime } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { Banner } from '../../../ui/bits.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { SelectField, TextField } from '../../../ui/field.js'
import { QrCode } from '../../../ui/qr-code.js'
import { ShownOnce } from '../../../ui/shown-once.js'
import { createInvitation, type Reachability, readReachability, setHomeNetwork } from '../admin-api.js'
import { LoadFailed, LoadingRows } from '../page.js'
import styles from './invite.module.css'
import { invitationUrl, type Place, placesOf, urlsOf } from './places.js'

type InviteDialogProps = { onClose: () => void; onCreated: () => void }

const day = 24 * 60 * 60_000
const expiries = { day: day, week: 7 * day, month: 30 * day } as const
type Expiry = keyof typeof expiries

const newRoom = 'new'
const noRoom = 'none'
/** Under which the account remembers where the last invitation led. */
const lastRoomEntry = 'invite_room'

type Made = { token: string; urls: string[]; expiresTs: number }

export function InviteDialog({ onClose, onCreated }: InviteDialogProps) {
  const { http } = useServices().matrix
  const reach = useLoaded(() => readReachability(http), '')
  const [made, setMade] = useState<Made>()
  if (made) return <MadeDialog made={made} onClose={onClose} />
  if (!reach.value)
    return (
      <Dialog title={t('invite.person')} onClose={onClose}>
        {reach.error === undefined ? (
          <LoadingRows count={3} />
        ) : (
          <LoadFailed error={reach.error} onRetry={reach.reload} />
        )}
      </Dialog>
    )
  return (
    <AskDialog
      reach={reach.value}
      onClose={onClose}
      onMade={(done) => {
        setMade(done)
        onCreated()
      }}
    />
  )
}

type AskDialogProps = { reach: Reachability; onClose: () => void; onMade: (made: Made) => void }

function AskDialog({ reach, onClose, onMade }: AskDialogProps) {
  const services = useServices()
  const places = placesOf(reach)
  const [place, setPlace] = useState<Place>(places[0]!)
  const rooms = useInvitableRooms(services)
  const remembered = services.storage.read(lastRoomEntry)
  const [room, setRoom] = useState(rooms.some(([id]) => id === remembered) ? String(remembered) : newRoom)
  const [roomName, setRoomName] = useState(t('invite.newRoomName'))
  const [label, setLabel] = useState('')
  const [expiry, setExpiry] = useState<Expiry>('week')
  const [problem, setProblem] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)

  const submit = async () => {
    if (isBusy) return
    if (room === newRoom && !roomName.trim()) return setProblem(t('create.needName'))
    setIsBusy(true)
    setProblem(undefined)
    try {
      onMade(await make(services, { reach, place, room, roomName: roomName.trim(), label: label.trim(), expiry }))
    } catch (error) {
      setProblem(explainError(error))
      setIsBusy(false)
    }
  }
  return (
    <Dialog
      title={t('invite.person')}
      onClose={onClose}
      onSubmit={() => void submit()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={isBusy}>
            {t(isBusy ? 'invite.making' : 'invite.make')}
          </Button>
        </>
      }
    >
      <fieldset className={styles.places}>
        <legend>{t('invite.where')}</legend>
        {places.map((each) => (
          <label key={each} className={styles.place}>
            <input type="radio" name="place" checked={place === each} onChange={() => setPlace(each)} />
            <span>
              <strong>{t(`invite.where.${each}`)}</strong>
              <span>{t(`invite.where.${each}Text`, { url: urlsOf(reach, each)[0] ?? '' })}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <SelectField label={t('invite.room')} value={room} onChange={(event) => setRoom(event.target.value)}>
        <option value={newRoom}>{t('invite.room.new')}</option>
        {rooms.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        <option value={noRoom}>{t('invite.room.none')}</option>
      </SelectField>
      {room === newRoom && (
        <TextField
          label={t('invite.roomName')}
          value={roomName}
          maxLength={120}
          onChange={(event) => setRoomName(event.target.value)}
        />
      )}
      <div className={styles.pair}>
        <TextField
          label={t('invite.label')}
          placeholder={t('invite.labelExample')}
          value={label}
          maxLength={100}
          onChange={(event) => setLabel(event.target.value)}
        />
        <SelectField
          label={t('invite.expiry')}
          value={expiry}
          onChange={(event) => setExpiry(event.target.value as Expiry)}
        >
          {(Object.keys(expiries) as Expiry[]).map((each) => (
            <option key={each} value={each}>
              {t(`invite.expiry.${each}`)}
            </option>
          ))}
        </SelectField>
      </div>
      {problem && <Banner tone="bad">{problem}</Banner>}
    </Dialog>
  )
}

/** Rooms of one's own, newest first: not conversations of two, not spaces. */
function useInvitableRooms({ live }: Services): [id: string, name: string][] {
  const { rooms } = useStore(live.summaries)
  return [...(rooms?.values() ?? [])]
    .filter((row) => row.membership === 'join' && !row.is_direct && row.room_type === undefined)
    .sort((a, b) => b.last_activity_ts - a.last_activity_ts)
    .map((row) => [row.room_id, row.name])
}

type Wanted = { reach: Reachability; place: Place; room: string; roomName: string; label: string; expiry: Expiry }

/** In an order in which every step may fail and be done again: the link comes last. */
async function make(services: Services, { reach, place, room, roomName, label, expiry }: Wanted): Promise<Made> {
  const { matrix, storage } = services
  const isOff = place === 'homeOff'
  const reached = isOff ? await setHomeNetwork(matrix.http, true) : reach
  const urls = urlsOf(reached, place)
  if (urls.length === 0) throw new Error(t('reach.home.failed'))
  const roomId = room === newRoom ? await matrix.createRoom({ name: roomName, preset: 'private_chat' }) : room
  if (roomId !== noRoom) storage.write(lastRoomEntry, roomId)
  const { token, invitation } = await createInvitation(matrix.http, {
    expires_in_ms: expiries[expiry],
    uses_allowed: 1,
    room_ids: roomId === noRoom ? [] : [roomId],
    ...(label ? { label } : {}),
  })
  return { token, urls, expiresTs: invitation.expires_ts ?? Date.now() + expiries[expiry] }
}

function MadeDialog({ made, onClose }: { made: Made; onClose: () => void }) {
  const [base, setBase] = useState(made.urls[0]!)
  const url = invitationUrl(base, made.token)
  return (
    <Dialog
      title={t('invite.ready')}
      onClose={onClose}
      onSubmit={onClose}
      footer={
        <Button type="submit" variant="primary">
          {t('common.done')}
        </Button>
      }
    >
      <p>{t('invite.readyText', { when: formatDateTime(made.expiresTs) })}</p>
      <div className={styles.made}>
        <QrCode text={url} label={t('invite.code')} />
        <div className={styles.link}>
          <ShownOnce isLong label={t('invite.link')} value={url} hint={t('invite.once')} />
          {made.urls.length > 1 && (
            <SelectField label={t('invite.address')} value={base} onChange={(event) => setBase(event.target.value)}>
              {made.urls.map((each) => (
                <option key={each} value={each}>
                  {new URL(each).host}
                </option>
              ))}
            </SelectField>
          )}
        </div>
      </div>
      <details className={styles.other}>
        <summary>{t('invite.otherApp')}</summary>
        <p>{t('invite.otherAppText')}</p>
        <ShownOnce label={t('invite.server')} value={base.replace(/\/$/, '')} />
        <ShownOnce isLong label={t('register.token')} value={made.token} />
      </details>
    </Dialog>
  )
}
