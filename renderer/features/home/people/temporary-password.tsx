/** A password that was just made up for somebody: shown now and never again. */
import { t } from '../../../i18n/index.js'
import { ShownOnce } from '../../../ui/shown-once.js'

export const TemporaryPassword = ({ password, name }: { password: string; name: string }) => (
  <ShownOnce label={t('people.temporary', { name })} value={password} hint={t('people.temporaryHint')} />
)
