/** Invitations that nobody has used yet: for whom, where to, until when; each can be taken back. */
import { useServices } from '../../../app/services.js'
import type { Loaded } from '../../../app/use-loaded.js'
import { formatDateTime } from '../../../i18n/format.js'
import { t } from '../../../i18n/index.js'
import { useStore } from '../../../live/store.js'
import { explainError } from '../../../platform/matrix/errors.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import { Button } from '../../../ui/button.js'
import { showToast } from '../../../ui/toast.js'
import { type Invitation, revokeInvitation } from '../admin-api.js'
import styles from './invite.module.css'

export function PendingInvitations({ invitations }: { invitations: Loaded<Invitation[]> }) {
  const { http } = useServices().matrix
  const revoke = async ({ id }: Invitation) => {
    try {
      await revokeInvitation(http, id)
      invitations.change((list) => list.filter((each) => each.id !== id))
      showToast(t('invite.revoked'))
    } catch (error) {
      showToast(explainError(error), 'bad')
    }
  }
  if (!invitations.value || invitations.value.length === 0) return null
  return (
    <section className={styles.pending} aria-label={t('invite.pending')}>
      <h2>{t('invite.pending')}</h2>
      <ul>
        {invitations.value.map((invitation) => (
          <li key={invitation.id}>
            <div className={styles.who}>
              <p>
                <bdi>{invitation.label ?? t('invite.anybody')}</bdi>
              </p>
              <p>
                <Detail invitation={invitation} />
              </p>
            </div>
            <Button onClick={() => void revoke(invitation)}>{t('invite.revoke')}</Button>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Detail({ invitation: { room_ids, expires_ts, created_by } }: { invitation: Invitation }) {
  const { live, session } = useServices()
  const room = useStore(live.summaries, ({ rooms }) => rooms?.get(room_ids[0] ?? '')?.name)
  const parts = [
    room && t('invite.into', { room }),
    expires_ts !== undefined && t('invite.goodUntil', { when: formatDateTime(expires_ts) }),
    created_by !== session.userId && t('invite.by', { name: localpartOf(created_by) }),
  ]
  return parts.filter(Boolean).join(' · ')
}
