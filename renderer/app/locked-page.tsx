/** An account that an administrator has locked: says so, and lets its user in again by itself once it is unlocked. */
import { t } from '../i18n/index.js'
import { serverNameOf } from '../platform/matrix/login-session.js'
import { Button } from '../ui/button.js'
import { OutsidePage } from './outside-page.js'
import { useServices } from './services.js'

export default function LockedPage() {
  const { session, live, signOut } = useServices()
  return (
    <OutsidePage title={t('locked.title')} aside={session.userId}>
      <p>{t('locked.text', { server: serverNameOf(session.userId) })}</p>
      <Button variant="primary" size="large" onClick={() => live.connection.tryNow()}>
        {t('common.retry')}
      </Button>
      <Button variant="quiet" onClick={() => void signOut()}>
        {t('profile.logOut')}
      </Button>
    </OutsidePage>
  )
}
