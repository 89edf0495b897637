/**
 * What somebody sees who opened an invitation: who invites them to what, and the two things they have to choose, a
 * name and a password. From there they land in the room.
 */
import { type FormEvent, useEffect, useRef, useState } from 'react'
import { deviceName } from '../../app/device-name.js'
import { OutsidePage } from '../../app/outside-page.js'
import { navigate, roomPath } from '../../app/route.js'
import { formatDateTime } from '../../i18n/format.js'
import { t } from '../../i18n/index.js'
import { forgetSecret } from '../../platform/address-secrets.js'
import { makeAccount } from '../../platform/matrix/account.js'
import { explainError, MatrixRequestError, ServerUnreachableError } from '../../platform/matrix/errors.js'
import { type MatrixHttp, makeHttp, withoutSession } from '../../platform/matrix/http.js'
import { comeIn, type Invitation, readInvitation, usernameFrom } from '../../platform/matrix/invitation.js'
import { type LoginSession, localpartOf } from '../../platform/matrix/login-session.js'
import { Banner } from '../../ui/bits.js'
import { Button } from '../../ui/button.js'
import { TextField } from '../../ui/field.js'
import { NewPasswordField } from '../../ui/password-field.js'
import { checkNewPassword } from '../../ui/password-strength.js'
import styles from './invitation.module.css'
import { useIsNameFree } from './use-is-name-free.js'

type InvitationPageProps = { http: MatrixHttp; token: string; onSession: (session: LoginSession) => void }

export default function InvitationPage({ http, token, onSession }: InvitationPageProps) {
  const [invitation, setInvitation] = useState<Invitation>()
  const [error, setError] = useState<unknown>()
  const [round, setRound] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round asks again
  useEffect(() => {
    let isWanted = true
    setError(undefined)
    readInvitation(http, token).then(
      (read) => isWanted && setInvitation(read),
      (refusal: unknown) => isWanted && setError(refusal),
    )
    return () => {
      isWanted = false
    }
  }, [http, token, round])

  if (invitation) return <ComeIn http={http} token={token} invitation={invitation} onSession={onSession} />
  if (error === undefined) return null
  const isOver = error instanceof MatrixRequestError && error.status === 404
  return (
    <OutsidePage title={t(isOver ? 'invited.over' : 'invited.failed')}>
      <p className={styles.text}>{isOver ? t('invited.overText') : explainError(error)}</p>
      {!isOver && (
        <Button variant="primary" size="large" onClick={() => setRound(round + 1)}>
          {t('common.retry')}
        </Button>
      )}
      <Button variant="quiet" onClick={() => forgetSecret('invite')}>
        {t('register.toLogin')}
      </Button>
    </OutsidePage>
  )
}

type ComeInProps = InvitationPageProps & { invitation: Invitation }

function ComeIn({ http, token, invitation, onSession }: ComeInProps) {
  const { server_name: server, inviter, rooms, expires_ts: expires } = invitation
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [problems, setProblems] = useState<{ name?: string | undefined; password?: string | undefined }>({})
  const [refusal, setRefusal] = useState<string>()
  const [isBusy, setIsBusy] = useState(false)
  const unanswered = useRef<string>(undefined)
  const username = usernameFrom(name)
  const userId = `@${username}:${server}`
  const isFree = useIsNameFree(http, username)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (isBusy) return
    const found = {
      name: username ? (isFree === false ? t('error.M_USER_IN_USE') : undefined) : t('invited.needName'),
      password: checkNewPassword(password, [username, server]),
    }
    setProblems(found)
    if (found.name ?? found.password) return
    setIsBusy(true)
    setRefusal(undefined)
    try {
      const isAgain = unanswered.current === username
      const session = await comeIn(http, { username, password, token, deviceName: deviceName() }, isAgain)
      await callThemselves(session, name.trim())
      forgetSecret('invite')
      navigate(rooms[0] ? roomPath(rooms[0].room_id) : '/', 'replace')
      onSession(session)
    } catch (error) {
      if (error instanceof ServerUnreachableError) unanswered.current = username
      setRefusal(explainRefusal(error))
      setIsBusy(false)
    }
  }
  const room = rooms[0]?.name
  const who = inviter.displayname ?? localpartOf(inviter.user_id)
  return (
    <OutsidePage title={t('invited.title', { server })} withLanguage>
      <p className={styles.text}>
        {room ? t('invited.toRoom', { who, room }) : t('invited.toServer', { who })}
        {expires !== undefined && ` ${t('invited.until', { when: formatDateTime(expires) })}`}
      </p>
      <form className={styles.form} noValidate onSubmit={(event) => void submit(event)}>
        <TextField
          label={t('invited.name')}
          value={name}
          onChange={(event) => {
            setName(event.target.value)
            setProblems({})
          }}
          hint={<NameHint username={username} userId={userId} isFree={isFree} />}
          error={problems.name}
          autoComplete="username"
          spellCheck={false}
          maxLength={60}
          autoFocus
        />
        <NewPasswordField
          label={t('register.password')}
          value={password}
          onValue={(value) => {
            setPassword(value)
            setProblems({})
          }}
          own={[username, server]}
          error={problems.password}
        />
        {refusal && <Banner tone="bad">{refusal}</Banner>}
        <Button type="submit" variant="primary" size="large" disabled={isBusy}>
          {t(isBusy ? 'register.busy' : 'invited.submit')}
        </Button>
      </form>
      <p className={styles.small}>{t('invited.otherApps')}</p>
      <Button variant="quiet" onClick={() => forgetSecret('invite')}>
        {t('register.toLogin')}
      </Button>
    </OutsidePage>
  )
}

/** A refusal of the proof itself is about the invitation. */
function explainRefusal(error: unknown): string {
  const isOver = error instanceof MatrixRequestError && error.errcode === 'M_FORBIDDEN'
  return isOver ? t('invited.over') : explainError(error)
}

/** As they wrote it; the user name is a form of it. It can be changed later, so nobody is kept out by it. */
async function callThemselves(session: LoginSession, name: string): Promise<void> {
  if (name === localpartOf(session.userId)) return
  const account = makeAccount(makeHttp(session, withoutSession))
  await account.setDisplayName(session.userId, name).catch(() => undefined)
}

function NameHint({ username, userId, isFree }: { username: string; userId: string; isFree: boolean | undefined }) {
  if (!username) return t('invited.nameHint')
  return (
    <span aria-live="polite" className={isFree === false ? styles.taken : undefined}>
      {t(isFree === undefined ? 'register.userHint' : isFree ? 'invited.free' : 'invited.taken', { id: userId })}
    </span>
  )
}
