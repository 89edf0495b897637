/** What the engine lets a session do that one would expect to be over, or nobody's. */
import { describe, expect, test } from 'vitest'
import { recordId } from '../../../../server/store/rpc.js'
import { openTestDatabase } from '../../../support/database.js'
import { attachSession, defineTrapAccess, notificationsOf, settle } from '../../../support/engine-sessions.js'

const readable = 'DEFINE TABLE OVERWRITE trap_rows SCHEMALESS PERMISSIONS FOR select WHERE owner = $auth.id()'

describe('sessions of the engine', () => {
  test('a session that has not authenticated is owner', async () => {
    await using db = await openTestDatabase()
    const scope = await attachSession(db)

    await expect(db.root.query('INFO FOR ROOT; DEFINE TABLE made_by_nobody', {}, scope)).resolves.toHaveLength(2)
  })

  test('after a failed authenticate a new session is owner, and an authenticated one is who it was', async () => {
    await using db = await openTestDatabase()
    const tokenOf = await defineTrapAccess(db, '1h')
    const fresh = await attachSession(db)
    const known = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a')], known)

    for (const scope of [fresh, known])
      await expect(db.root.call('authenticate', ['garbage'], scope)).rejects.toThrow('InvalidToken')

    await expect(db.root.query('INFO FOR ROOT', {}, fresh)).resolves.toHaveLength(1)
    await expect(db.root.query('INFO FOR ROOT', {}, known)).rejects.toThrow('Not enough permissions')
    expect(await db.root.query('RETURN $auth.id()', {}, known)).toEqual(['a'])
  })

  test('invalidate makes a session owner', async () => {
    await using db = await openTestDatabase()
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a')], scope)

    await db.root.call('invalidate', [], scope)

    await expect(db.root.query('INFO FOR ROOT', {}, scope)).resolves.toHaveLength(1)
  })

  test('an expired session is refused, but its live query is still served', async () => {
    await using db = await openTestDatabase()
    await db.query(readable)
    const tokenOf = await defineTrapAccess(db, '1s')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a')], scope)
    await db.root.query('LIVE SELECT * FROM trap_rows', {}, scope)
    const heard = notificationsOf(db)

    await expect
      .poll(() => db.root.query('RETURN 1', {}, scope).catch((error: Error) => error.message), { timeout: 5000 })
      .toContain('The session has expired')

    await db.query("CREATE trap_rows SET owner = 'a', n = 1; CREATE trap_rows SET owner = 'b', n = 2")
    await settle()
    expect(heard.map(({ result }) => result.n)).toEqual([1])
  })

  test('a live query outlives the detach of its session and cannot be killed then; a LIVE on the table ends it', async () => {
    await using db = await openTestDatabase()
    await db.query(readable)
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a')], scope)
    const [id] = await db.root.query<[unknown]>('LIVE SELECT * FROM trap_rows', {}, scope)
    const heard = notificationsOf(db)
    await db.query("CREATE trap_rows SET owner = 'a', n = 1")

    await db.root.call('detach', [], scope)
    await expect(db.root.query('RETURN 1', {}, scope)).rejects.toThrow('Session not found')
    await expect(db.query(`KILL u"${id}"`)).rejects.toThrow('Cannot execute KILL')
    await db.query("CREATE trap_rows SET owner = 'a', n = 2")
    await settle()
    expect(heard.map(({ result }) => result.n)).toEqual([1, 2])

    const [other] = await db.query<[unknown]>('LIVE SELECT * FROM trap_rows WHERE n > 100')
    await db.query("CREATE trap_rows SET owner = 'a', n = 3")
    await db.query(`KILL u"${other}"`)
    await settle()
    const rows = heard.filter(({ id: of, action }) => String(of) === String(id) && action !== 'KILLED')
    expect(rows.map(({ result }) => result.n)).toEqual([1, 2])
  })

  test('a live query outlives the deletion of its user, unless PERMISSIONS look the login session up', async () => {
    await using db = await openTestDatabase()
    await db.query(`${readable}; CREATE user_presence:⟨a⟩ SET user_id = 'a'; CREATE login_session:s SET active = true`)
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a', { sid: 's' })], scope)
    await db.root.query('LIVE SELECT * FROM trap_rows; LIVE SELECT * FROM user_presence', {}, scope)
    const heard = notificationsOf(db)

    await db.query("UPDATE user_presence SET n = 1; CREATE trap_rows SET owner = 'a', n = 1")
    await settle()
    await db.query('DELETE user; UPDATE login_session:s SET active = false')
    await db.query("UPDATE user_presence SET n = 2; CREATE trap_rows SET owner = 'a', n = 2")
    await settle()

    const heardOf = (table: string) =>
      heard.filter(({ record }) => String(record).startsWith(table)).map(({ result }) => result.n)
    expect(heardOf('trap_rows')).toEqual([1, 2])
    expect(heardOf('user_presence')).toEqual([1])
  })

  test('any session can kill a live query of any other whose id it knows; its owner is told without a session', async () => {
    await using db = await openTestDatabase()
    await db.query(readable)
    const tokenOf = await defineTrapAccess(db, '1h')
    const [mine, theirs] = [await attachSession(db), await attachSession(db)]
    await db.root.call('authenticate', [await tokenOf('user:a')], mine)
    await db.root.call('authenticate', [await tokenOf('user:b')], theirs)
    const [id] = await db.root.query<[unknown]>('LIVE SELECT * FROM trap_rows', {}, mine)
    const heard = notificationsOf(db)

    await db.root.query(`KILL u"${id}"`, {}, theirs)
    await db.query("CREATE trap_rows SET owner = 'a', n = 1")
    await settle()

    expect(heard).toMatchObject([{ action: 'KILLED', result: undefined, record: undefined }])
    expect((heard[0] as { session?: unknown }).session).toBeUndefined()
    expect(String(heard[0]?.id)).toBe(String(id))
  })

  test('a query’s own bindings can replace $user_id, but not $auth and $token', async () => {
    await using db = await openTestDatabase()
    await db.query('DEFINE TABLE trap_rows SCHEMALESS PERMISSIONS FOR select WHERE owner = $user_id')
    await db.query("CREATE trap_rows SET owner = 'b'")
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a', { sid: 's' })], scope)
    await db.root.call('set', ['user_id', 'a'], scope)

    const sql = 'RETURN $user_id; SELECT VALUE owner FROM trap_rows'
    expect(await db.root.query(sql, {}, scope)).toEqual(['a', []])
    expect(await db.root.query(sql, { user_id: 'b' }, scope)).toEqual(['b', ['b']])
    for (const name of ['auth', 'token', 'session', 'access'])
      await expect(
        db.root.query(`RETURN $${name}`, { [name]: recordId('user', 'b') }, scope),
        `$${name} can be replaced`,
      ).rejects.toThrow('protected')
  })
})
