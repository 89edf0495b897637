/** Migration 0007 over rows of the version before. */
import { expect, test } from 'vitest'
import { migrate, migrations } from '../../../server/store/migrations.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'

test('a suspension moves out of the status, and no other account changes', async () => {
  await using db = await openTestDatabase({ migrations: migrations.filter(({ number }) => number < 7) })
  for (const [name, status] of [
    ['alice', 'active'],
    ['bob', 'suspended'],
    ['carol', 'locked'],
  ])
    await db.query(
      'CREATE type::record("user", $id) SET user_id = $id, status = $status, admin = false, kind = "user", created_at = 1',
      { id: `@${name}:test`, status },
    )

  await migrate(db.root, migrations, async () => {}, silentLogger)

  const [rows] = await db.query('SELECT user_id, status, suspended FROM user ORDER BY user_id')
  expect(rows).toEqual([
    { user_id: '@alice:test', status: 'active', suspended: undefined },
    { user_id: '@bob:test', status: 'active', suspended: true },
    { user_id: '@carol:test', status: 'locked', suspended: undefined },
  ])
})
