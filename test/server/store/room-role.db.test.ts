/** fn::room_role: power levels as roles (S8). */
import { expect, test } from 'vitest'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase } from '../../support/database.js'

test.each([
  [{ membership: 'join', power_level: 100 }, 'Owner'],
  [{ membership: 'join', power_level: 99 }, 'Editor'],
  [{ membership: 'join', power_level: 50 }, 'Editor'],
  [{ membership: 'join', power_level: 49 }, 'Viewer'],
  [{ membership: 'join', power_level: 0 }, 'Viewer'],
  [{ membership: 'join', power_level: -1 }, 'None'],
  [{ membership: 'invite', power_level: 100 }, 'None'],
  [{ membership: 'leave', power_level: 100 }, 'None'],
  [undefined, 'None'],
])('a member %j has the role %s', async (member, role) => {
  await using db = await openTestDatabase()
  if (member) await db.live.writeLive([insertRow('room_access', { id: ['!r:x', '@a:x'], ...member })])

  expect(await db.query("RETURN fn::room_role('!r:x', '@a:x')")).toEqual([role])
})
