/** The commit queue on a real database: what is acknowledged, what fails, and what positions it leaves. */
import { describe, expect, test } from 'vitest'
import { insertRow } from '../../../server/store/writes.js'
import { openTestDatabase } from '../../support/database.js'

describe('commit queue', () => {
  test('a unit is durable when its caller is answered', async () => {
    await using db = await openTestDatabase()

    const position = await db.commit((grant) => {
      const at = grant.position()
      return { writes: [insertRow('event', { id: '$a', n: 1 })], changes: [], result: at }
    })

    expect(position).toBe(1)
    expect(db.position).toBe(1)
    const [rows] = await db.query<[unknown[]]>('SELECT n, record::id(id) AS id FROM event')
    expect(rows).toEqual([{ id: '$a', n: 1 }])
    expect(await db.query('SELECT kind, record::id(id) AS id FROM feed')).toEqual([[{ id: 1, kind: 'none' }]])
  })
})
