/** What an account is called on these pages. */
import { t } from '../../../i18n/index.js'
import { localpartOf } from '../../../platform/matrix/login-session.js'
import type { AdminUser } from '../admin-api.js'

export const nameOf = (user: AdminUser) => user.displayname || localpartOf(user.name)

export function roleOf(user: AdminUser): string {
  if (user.admin) return t('people.role.admin')
  if (user.is_guest) return t('people.role.guest')
  return t(user.user_type === 'bot' ? 'people.role.service' : 'people.role.user')
}

/** What keeps an account from being used; undefined when nothing does. */
export function stateOf(user: AdminUser): string | undefined {
  if (user.deactivated) return t('people.state.deactivated')
  if (user.locked) return t('people.state.locked')
  return user.suspended ? t('people.state.suspended') : undefined
}
