/** What the engine changes about values, and where PERMISSIONS mean something else than they say. */
import { describe, expect, test } from 'vitest'
import { recordId } from '../../../../server/store/rpc.js'
import { openTestDatabase } from '../../../support/database.js'
import { attachSession, defineTrapAccess, notificationsOf, settle } from '../../../support/engine-sessions.js'

describe('values in the engine', () => {
  test('an object comes back with its keys sorted, so signed JSON is stored as text', async () => {
    await using db = await openTestDatabase()

    const [stored] = await db.query<[object]>('RETURN $value', { value: { b: 1, a: 2 } })

    expect(JSON.stringify(stored)).toBe('{"a":2,"b":1}')
  })

  test('an integer beyond 2^53 becomes a bigint and a lone surrogate is replaced; U+0000 is kept', async () => {
    await using db = await openTestDatabase()

    expect(await db.query('RETURN 9007199254740993; RETURN $text', { text: 'a\ud800b\u0000c' })).toEqual([
      9007199254740993n,
      'a\ufffdb\u0000c',
    ])
  })

  test('some fields of a list of ids cannot be selected; all of them can', async () => {
    await using db = await openTestDatabase()
    await db.query('CREATE event:1 SET a = 1, b = 2')
    const bindings = { ids: [recordId('event', 1)] }

    await expect(db.query('SELECT a FROM $ids', bindings)).rejects.toThrow('Specify a database to use')
    expect(await db.query('SELECT * OMIT id FROM $ids', bindings)).toEqual([[{ a: 1, b: 2 }]])
  })

  test('a range from high to low is empty', async () => {
    await using db = await openTestDatabase()
    await db.query("CREATE timeline:['!r', 1]; CREATE timeline:['!r', 2]")

    expect(await db.query("SELECT * FROM timeline:['!r', 2]..['!r', 1]")).toEqual([[]])
  })
})

describe('PERMISSIONS of the engine', () => {
  test('a lookup in a table the user may not read counts in live queries and not in SELECT; the dotted form in both', async () => {
    await using db = await openTestDatabase()
    await db.query(
      `DEFINE TABLE trap_members SCHEMALESS PERMISSIONS NONE;
       DEFINE TABLE trap_exists SCHEMALESS PERMISSIONS FOR select
         WHERE record::exists(type::record('trap_members', $auth.id()));
       DEFINE TABLE trap_dotted SCHEMALESS PERMISSIONS FOR select
         WHERE type::record('trap_members', $auth.id()).is_member = true;
       CREATE trap_members:a SET is_member = true`,
    )
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a')], scope)
    await db.root.query('LIVE SELECT * FROM trap_exists; LIVE SELECT * FROM trap_dotted', {}, scope)
    const heard = notificationsOf(db)

    await db.query('CREATE trap_exists:1; CREATE trap_dotted:1')
    await settle()

    expect(heard.map(({ record }) => String(record))).toEqual(['trap_exists:1', 'trap_dotted:1'])
    const seen = await db.root.query<unknown[][]>('SELECT * FROM trap_exists; SELECT * FROM trap_dotted', {}, scope)
    expect(seen.map((rows) => rows.length)).toEqual([0, 1])

    await db.query('DELETE trap_members; CREATE trap_dotted:2')
    await settle()
    expect(heard).toHaveLength(2)
    expect(await db.root.query('SELECT * FROM trap_dotted', {}, scope)).toEqual([[]])
  })

  test('a closure in PERMISSIONS shows nothing and says nothing', async () => {
    await using db = await openTestDatabase()
    await db.query(
      `DEFINE TABLE trap_periods SCHEMALESS PERMISSIONS FOR select
         WHERE array::any([{ from: 0, to: 9 }], |$p| $p.from <= seq AND $p.to >= seq);
       CREATE trap_periods SET seq = 5`,
    )
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a')], scope)

    expect(await db.root.query('SELECT * FROM trap_periods', {}, scope)).toEqual([[]])
  })

  test('a denied write says OK and changes nothing', async () => {
    await using db = await openTestDatabase()
    await db.query("CREATE user_presence:⟨a⟩ SET user_id = 'a', n = 1; CREATE login_session:s SET active = true")
    const tokenOf = await defineTrapAccess(db, '1h')
    const scope = await attachSession(db)
    await db.root.call('authenticate', [await tokenOf('user:a', { sid: 's' })], scope)

    expect(await db.root.query('UPDATE user_presence SET n = 2; DELETE user_presence', {}, scope)).toEqual([[], []])
    expect(await db.query('SELECT VALUE n FROM user_presence')).toEqual([[1]])
  })
})
