/** Which transactions of other servers are forgotten, and how. */
import { expect, test } from 'vitest'
import { inboxKeptMs, makeForgetInbox } from '../../../server/federation/forget-answers.js'
import type { ServerName } from '../../../server/kernel/identifiers.js'
import { readUnanswered } from '../../../server/store/federation-inbox-store.js'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'

const origin = 'far.test' as ServerName

test('answers that are a day old go in small pieces, by the index; what is unanswered or younger stays', async () => {
  await using db = await openTestDatabase()
  const clock = fakeClock()
  const row = (txnId: string, ageMs: number, answer?: string) =>
    insertRow('federation_inbox', {
      id: [origin, txnId],
      ...{ origin, txn_id: txnId, body: '', received_at: clock.now() - ageMs },
      ...(answer !== undefined && { answer, answered_at: clock.now() - ageMs }),
    })
  const old = Array.from({ length: 450 }, (_, n) => row(`old ${n}`, inboxKeptMs + 1, '{}'))
  const writes = [...old, row('young', inboxKeptMs - 1, '{}'), row('unanswered', 2 * inboxKeptMs)]
  await db.commit(() => ({ writes, changes: [], result: undefined }))
  const forget = makeForgetInbox({ db, clock })

  expect([await forget(200), await forget(200), await forget(200), await forget(200)]).toEqual([200, 200, 50, 0])

  const [left] = await db.query<[string[]]>('SELECT VALUE txn_id FROM federation_inbox')
  expect(left.sort()).toEqual(['unanswered', 'young'])
  expect((await readUnanswered(db)).map(({ txn_id }) => txn_id)).toEqual(['unanswered'])
  const [plan] = await db.query<[unknown]>(
    `SELECT VALUE record::id(id) FROM federation_inbox WITH INDEX federation_inbox_answered_at
     WHERE answered_at > 0 AND answered_at < 5 LIMIT 5 EXPLAIN`,
  )
  expect(JSON.stringify(plan)).toContain('federation_inbox_answered_at')
})
