/** An invitation that was opened where somebody is signed in already: it is for somebody else, or for another account. */
import { OutsidePage } from '../../app/outside-page.js'
import { t } from '../../i18n/index.js'
import { forgetSecret } from '../../platform/address-secrets.js'
import { Button } from '../../ui/button.js'
import styles from './invitation.module.css'

export default function SignedInAlready({ userId, onSignOut }: { userId: string; onSignOut: () => void }) {
  return (
    <OutsidePage title={t('invited.signedInTitle')}>
      <p className={styles.text}>{t('invited.signedIn', { id: userId })}</p>
      <Button variant="primary" size="large" onClick={() => forgetSecret('invite')}>
        {t('invited.stay')}
      </Button>
      <Button variant="quiet" onClick={onSignOut}>
        {t('invited.signOut')}
      </Button>
    </OutsidePage>
  )
}
