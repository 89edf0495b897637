/** What the engine does with transactions, where it is not what one expects. */
import type { Uuid } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import { AlreadyExistsError, causeOf, DatabaseError } from '../../../../server/store/errors.js'
import { recordId } from '../../../../server/store/rpc.js'
import { openTestDatabase } from '../../../support/database.js'
import { notificationsOf, settle } from '../../../support/engine-sessions.js'

describe('transactions of the engine', () => {
  test('a conflict says that it can be retried', async () => {
    await using db = await openTestDatabase()
    await db.query('CREATE room:1 SET n = 0')
    const [a, b] = [await db.root.call<Uuid>('begin', []), await db.root.call<Uuid>('begin', [])]
    const update = (txn: Uuid) => db.root.query('UPDATE room:1 SET n += 1', {}, { txn })
    const commit = (txn: Uuid) => db.root.call('commit', [txn])
    await update(a)

    const error = await Promise.all([update(b).then(() => commit(b)), commit(a)]).catch((reason: unknown) => reason)

    expect(error).toBeInstanceOf(DatabaseError)
    expect((error as DatabaseError).message).toContain('This transaction can be retried')
    expect((error as DatabaseError).isRetryable).toBe(true)
  })

  test('what an interactive transaction commits is not told to live queries; a BEGIN … COMMIT query is', async () => {
    await using db = await openTestDatabase()
    await db.query('LIVE SELECT * FROM receipts')
    const heard = notificationsOf(db)

    const txn = await db.root.call<Uuid>('begin', [])
    await db.root.query('CREATE receipts:1', {}, { txn })
    await db.root.call('commit', [txn])
    await db.query('BEGIN; CREATE receipts:2; COMMIT')
    await settle()

    expect(heard.map(({ record }) => String(record))).toEqual(['receipts:2'])
    expect(await db.query('SELECT count() FROM receipts GROUP ALL')).toEqual([[{ count: 2 }]])
  })

  test('a failed block hides its cause behind other statements', async () => {
    await using db = await openTestDatabase()
    await db.query('CREATE room:1')

    const replies = await db.root.queryReplies('BEGIN; CREATE room:2; CREATE room:1; CREATE room:3; COMMIT')

    const failed = replies.filter(({ status }) => status === 'ERR')
    expect(failed.length).toBeGreaterThan(1)
    expect(failed[0]?.result).toContain('not executed due to')
    const cause = causeOf(replies)
    expect(cause).toBeInstanceOf(AlreadyExistsError)
    expect((cause as AlreadyExistsError).recordId).toBe('room:1')
    expect(await db.query('SELECT id FROM room')).toMatchObject([[{ id: recordId('room', 1) }]])
  })

  test('RETURN inside BEGIN … COMMIT leaves out what follows and commits what came before', async () => {
    await using db = await openTestDatabase()

    await db.root.queryReplies('BEGIN; CREATE room:1; RETURN 1; CREATE room:2; COMMIT')

    expect(await db.query('SELECT VALUE id FROM room')).toEqual([[recordId('room', 1)]])
  })

  test('without BEGIN each statement commits alone, and those after a failed one run', async () => {
    await using db = await openTestDatabase()

    await db.root.queryReplies('CREATE room:1; CREATE room:1; CREATE room:2')

    expect(await db.query('SELECT VALUE id FROM room')).toEqual([[recordId('room', 1), recordId('room', 2)]])
  })

  test('INSERT … ON DUPLICATE KEY UPDATE sets what it names in all its rows, also to nothing', async () => {
    await using db = await openTestDatabase()
    await db.query('INSERT INTO room [{ id: room:1, a: 1, b: 1, c: 1 }, { id: room:2, a: 1, b: 1, c: 1 }]')

    await db.query('INSERT INTO room $rows ON DUPLICATE KEY UPDATE a = $input.a, b = $input.b', {
      rows: [
        { id: recordId('room', 1), a: 2, b: 2 },
        { id: recordId('room', 2), a: 3 },
        { id: recordId('room', 3), a: 4, b: 4 },
      ],
    })

    expect(await db.query('SELECT * OMIT id FROM room')).toEqual([
      [
        { a: 2, b: 2, c: 1 },
        { a: 3, c: 1 },
        { a: 4, b: 4 },
      ],
    ])
  })

  test('ON DUPLICATE KEY UPDATE checks a row as a new one first, so required fields must be there', async () => {
    await using db = await openTestDatabase()
    const user = { user_id: '@a:x', status: 'active', admin: false, kind: 'user', created_at: 1 }
    await db.query('INSERT INTO user $user', { user: { id: recordId('user', '@a:x'), ...user } })

    const partly = db.query('INSERT INTO user $row ON DUPLICATE KEY UPDATE admin = $input.admin', {
      row: { id: recordId('user', '@a:x'), admin: true },
    })

    await expect(partly).rejects.toThrow(/Expected `\w+` but found `NONE`/)
  })
})
