/** What a run leaves in the live tables that is true of that run alone. */
import { expect, test } from 'vitest'
import { upsertRow } from '../../../server/store/writes.js'
import { startLiveServer } from '../../support/live.js'

test('after a restart nobody types and nobody is online', async () => {
  await using hs = await startLiveServer()
  const read = () =>
    hs.db.query('SELECT * FROM typing_events; SELECT user_id, presence, currently_active FROM user_presence')
  await hs.db.live.writeLive([
    upsertRow('typing_events', {
      id: ['!r:x', '@a:x'],
      room_id: '!r:x',
      user_id: '@a:x',
      expires_at: Date.now() + 1e6,
    }),
    upsertRow('user_presence', { id: '@a:x', user_id: '@a:x', presence: 'online', currently_active: true }),
  ])

  await hs.live.close()
  await hs.restartLive()

  await expect.poll(read).toEqual([[], [{ user_id: '@a:x', presence: 'offline', currently_active: false }]])
})
