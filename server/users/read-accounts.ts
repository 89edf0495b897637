/** Reading accounts: what administrators see of them. */
import { notFound } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import type { Reader } from '../store/reader.js'
import { hasUsers, readUser, readUserPage, type UserFilter, type UserRow } from '../store/user-store.js'

export type Account = UserRow

export type ReadAccounts = {
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  readAccount(userId: UserId): Promise<Account>
  /** Accounts by user ID, and how many fit the filter in all. */
  listAccounts(filter: UserFilter, from: number, limit: number): Promise<{ users: Account[]; total: number }>
  hasAccounts(): Promise<boolean>
  /** An account that can take part in rooms: there is one, and it is neither deactivated nor locked. */
  isActiveUser(userId: UserId): Promise<boolean>
}

export function makeReadAccounts({ db }: { db: Reader }): ReadAccounts {
  return {
    async readAccount(userId) {
      const user = await readUser(db, userId)
      if (!user) throw notFound('There is no such account.')
      return user
    },
    listAccounts: (filter, from, limit) => readUserPage(db, filter, from, limit),
    hasAccounts: () => hasUsers(db),
    async isActiveUser(userId) {
      return (await readUser(db, userId))?.status === 'active'
    },
  }
}
