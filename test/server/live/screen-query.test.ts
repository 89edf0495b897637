/** The statement screen: what passes, in which words, and what is refused. No engine; screen-query.db.test.ts runs what passes. */
import fc from 'fast-check'
import { BoundExcluded, BoundIncluded, Duration, Future, RecordId, RecordIdRange, Table, Uuid } from 'surrealdb'
import { describe, expect, test } from 'vitest'
import { tokenise } from '../../../server/live/screen/tokens.js'
import { allowedFunctions, readableTables } from '../../../server/live/screen/vocabulary.js'
import { screenLimits, screenQuery } from '../../../server/live/screen-query.js'
import { planStatements } from './plan-statements.js'

const forced = { user_id: '@alice:example.org', device_id: 'DEVICE' }
const screen = (sql: unknown, bindings: unknown = {}) => screenQuery(sql, bindings, forced)

function passed(sql: string, bindings: Record<string, unknown> = {}): string {
  const verdict = screen(sql, bindings)
  if (!verdict.allowed) throw new Error(`refused: ${verdict.reason}`)
  return verdict.sql
}
function refusal(sql: unknown, bindings: unknown = {}): string {
  const verdict = screen(sql, bindings)
  if (verdict.allowed) throw new Error(`passed as ${verdict.sql}`)
  return verdict.reason
}

/** Our own TIMEOUT is no word of the language that clients may write. */
const withoutTimeout = (sql: string) => sql.replaceAll(/ TIMEOUT \d+ms/g, '')

describe('what a record session may ask', () => {
  test("the plan's three live statements pass verbatim", () => {
    for (const [sql, bindings] of planStatements) expect(screen(sql, bindings).allowed).toBe(true)

    const [[sql, bindings]] = planStatements
    expect(passed(sql, bindings)).toBe(
      'LIVE SELECT * FROM room_events WHERE room_id = $room_id AND (sender != $user_id OR event_type IN ["m.room.member", "m.room.power_levels"])',
    )
  })

  test('a range of the timeline passes with our limit and timeout', () => {
    const sql = passed('SELECT * FROM room_events:[$room, $from]..=[$room, $to]', { room: '!r', from: 1, to: 20 })

    expect(sql).toBe('SELECT * FROM room_events:[$room, $from]..=[$room, $to] LIMIT 1000 TIMEOUT 2000ms')
  })

  test('a live query and the read that goes with it pass together', () => {
    const sql = passed(
      'LIVE SELECT * FROM room_summaries; SELECT * FROM room_summaries:[$user_id, NONE]..[$user_id, ..]',
    )

    expect(sql).toMatch(/ TIMEOUT 2000ms$/)
    expect(sql).toMatch(/^LIVE SELECT \* FROM room_summaries; SELECT \* FROM room_summaries:\[\$user_id, NONE\]\.\./)
  })

  test('many reads of one query share the time that it may take', () => {
    const sql = passed('SELECT * FROM receipts;'.repeat(20))

    const timeouts = [...sql.matchAll(/TIMEOUT (\d+)ms/g)].map(([, ms]) => Number(ms))
    expect(timeouts).toHaveLength(20)
    expect(timeouts.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(screenLimits.selectsTimeoutMs)
  })

  test('a live query compares with few enough values that writers do not wait for it', () => {
    const some = Array.from({ length: 300 }, (_, n) => `@u${n}:example.org`)
    const live = 'LIVE SELECT * FROM room_summaries WHERE '

    expect(passed(`${live}user_id IN $some`, { some })).toContain('IN $some')
    expect(refusal(`${live}$some CONTAINSANY $some`, { some })).toMatch(/CONTAINSANY/)
    expect(refusal(`${live}(user_id IN [1] OR $some ANYINSIDE $some)`, { some })).toMatch(/ANYINSIDE/)
    expect(refusal(`${live}${Array(10).fill('user_id IN $some').join(' OR ')}`, { some })).toMatch(/2000 bound/)
    expect(refusal(`${live}string::contains(user_id, $text)`, { text: 'x'.repeat(130_000) })).toMatch(/2000 bound/)
    expect(passed('SELECT * FROM receipts WHERE $some CONTAINSANY $some', { some })).toContain('CONTAINSANY')
  })

  test('a binding of the wrong kind is refused, not stumbled over', () => {
    const x = { toString: 1, valueOf: 1 }

    expect(refusal('KILL $x', { x })).toMatch(/KILL needs/)
    expect(refusal('SELECT * FROM receipts LIMIT $x', { x })).toMatch(/LIMIT/)
    expect(refusal('SELECT * FROM receipts START $x', { x: ['7'] })).toMatch(/START/)
  })

  test('a binding cannot stand in for others through its name', () => {
    const bindings = JSON.parse('{"__proto__":{"n":7}}') as object

    expect(refusal('SELECT * FROM receipts LIMIT $n', bindings)).toMatch(/cannot be bound/)
  })

  test('a limit that is larger than ours becomes ours, a smaller one stays, a bound one counts', () => {
    expect(passed('SELECT * FROM receipts LIMIT 5000')).toContain(' LIMIT 1000 ')
    expect(passed('SELECT * FROM receipts LIMIT 5 START 2')).toContain(' LIMIT 5 START 2 ')
    expect(passed('SELECT * FROM receipts LIMIT $n', { n: 7 })).toContain(' LIMIT 7 ')
    expect(refusal('SELECT * FROM receipts LIMIT $n', { n: '7; DELETE user' })).toMatch(/LIMIT/)
  })

  test('members of a room come as one range of up to 20000', () => {
    expect(passed('SELECT * FROM room_members:[$room, NONE]..[$room, ..]', { room: '!r' })).toContain(' LIMIT 20000 ')
    expect(passed('SELECT * FROM room_members:[$room, $user_id]>..[$room, ..]', { room: '!r' })).toContain(
      'FROM room_members:[$room, $user_id]>..[$room, ..] LIMIT 20000 ',
    )
  })

  test('record ids, ranges and tables may be bound', () => {
    const id = new RecordId('room_events', ['!r', 1])
    const range = new RecordIdRange('room_events', new BoundIncluded(['!r', 1]), new BoundExcluded(['!r', 9]))
    expect(passed('SELECT * FROM $id', { id })).toContain('FROM $id WHERE true LIMIT')
    expect(passed('SELECT seq FROM $ids', { ids: [id, id] })).toContain('FROM $ids WHERE true LIMIT')
    expect(passed('SELECT * FROM $range', { range })).toContain('FROM $range LIMIT')
    expect(passed('LIVE SELECT * FROM $table', { table: new Table('receipts') })).toBe('LIVE SELECT * FROM $table')
  })

  test('aggregates, aliases, paths and comments pass', () => {
    expect(passed('SELECT count() FROM room_events:[$r, 1]..[$r, 9] GROUP ALL', { r: '!r' })).toContain(
      'SELECT count() FROM room_events:[$r, 1]..[$r, 9] GROUP ALL LIMIT',
    )
    expect(passed('select event.content.body as body /* why */ from room_events:[$r,1] -- end', { r: '!r' })).toBe(
      'SELECT event.content.body AS body FROM room_events:[$r, 1] LIMIT 1000 TIMEOUT 2000ms',
    )
    expect(passed("SELECT * FROM user_presence:⟨@bob:example.org⟩ WHERE `type` = 'x'")).toContain(
      'FROM user_presence:⟨@bob:example.org⟩ WHERE `type` = "x"',
    )
    expect(passed("SELECT * FROM type::record('room_members', [$r, $user_id])", { r: '!r' })).toContain(
      'FROM type::record("room_members", [$r, $user_id]) LIMIT',
    )
  })

  test('reading a large table without a range is known as a scan', () => {
    const isScan = (sql: string) => {
      const verdict = screen(sql, { r: '!r' })
      return verdict.allowed && verdict.isScan
    }
    expect(isScan('SELECT * FROM room_events WHERE room_id = $r')).toBe(true)
    expect(isScan('SELECT * FROM receipts:[$r, NONE]..')).toBe(true)
    expect(isScan('SELECT * FROM room_events:[$r, 1]..[$r, 9] WHERE seq IN (SELECT VALUE seq FROM room_events)')).toBe(
      true,
    )
    expect(isScan('SELECT * FROM room_events:[$r, 1]..[$r, 9]')).toBe(false)
    expect(isScan('SELECT * FROM live_subscriptions')).toBe(false)
    expect(isScan('LIVE SELECT * FROM room_events')).toBe(false)
  })

  test('one subquery deep is allowed in a SELECT', () => {
    const inner = 'SELECT VALUE room_id FROM room_summaries'
    expect(passed(`SELECT * FROM receipts WHERE room_id IN (${inner})`)).toContain(`(${inner} LIMIT 1000)`)
  })

  test('KILL takes an id in each form the SDK writes', () => {
    const id = '0190a3c2-7b1e-7a11-8c11-0123456789ab'
    for (const [sql, bindings] of [
      [`KILL u"${id}"`, {}],
      [`KILL '${id}'`, {}],
      ['KILL $id', { id: new Uuid(id) }],
    ] as const)
      expect(screen(sql, bindings)).toMatchObject({ allowed: true, sql: `KILL u"${id}"`, statements: [{ liveId: id }] })
  })
})

describe('whose values the session parameters hold', () => {
  test('a client that binds $user_id or $device_id gets its own', () => {
    const verdict = screen('SELECT * FROM receipts WHERE user_id = $user_id', {
      user_id: '@bob:x',
      device_id: 'B',
      n: 1,
    })

    expect(verdict).toMatchObject({ allowed: true, bindings: { ...forced, n: 1 } })
  })

  test.each(['auth', 'token', 'session', 'access', 'this', 'parent', 'value', 'event', 'before', 'after', 'input'])(
    '$%s cannot be bound',
    (name) => {
      expect(refusal('SELECT * FROM receipts', { [name]: 1 })).toContain(name)
    },
  )

  test('a parameter that is not bound is refused, one the engine sets passes', () => {
    expect(refusal('SELECT * FROM receipts WHERE user_id = $who')).toBe('$who is not bound')
    expect(passed('SELECT * FROM receipts WHERE user_id = $auth')).toContain('$auth')
  })

  test.each([
    ['a future', new Future('{ 1 }')],
    ['a record of a hidden table', new RecordId('user_credential', '@bob:x')],
    ['a hidden table', new Table('access_token')],
    ['a range of a hidden table', new RecordIdRange('event', undefined, undefined)],
    ['a hidden record inside an array', [[new RecordId('user', '@bob:x')]]],
    ['a regular expression', /a+/],
    ['deep nesting', [[[[[[[[1]]]]]]]]],
    ['too many values', Array.from({ length: 6_000 }, (_, i) => i)],
  ])('%s cannot be bound', (_, value) => {
    expect(screen('SELECT * FROM receipts', { value_: value }).allowed).toBe(false)
  })

  test('plain data may be bound', () => {
    const plain = {
      s: 'x',
      n: 1,
      b: true,
      z: null,
      list: ['a'],
      object: { a: 1 },
      d: new Duration('1s'),
      date: new Date(),
    }
    expect(screen('SELECT * FROM receipts', plain).allowed).toBe(true)
  })
})

describe('hostile queries', () => {
  test.each([
    // statements
    ['a write', 'CREATE room_events:1'],
    ['a write after a read', 'SELECT * FROM receipts; DELETE user'],
    ['a transaction', 'BEGIN; SELECT * FROM receipts; COMMIT'],
    ['RETURN', 'RETURN 1'],
    ['LET', 'LET $a = "x"'],
    ['string doubling', 'LET $a = "aaaaaaaa"; LET $a = $a + $a; LET $a = $a + $a; SELECT $a FROM receipts'],
    ['an endless loop', 'FOR $i IN 0..1000000000 { }'],
    ['a definition', 'DEFINE TABLE x PERMISSIONS FULL'],
    ['INFO', 'INFO FOR ROOT'],
    ['SHOW CHANGES', 'SHOW CHANGES FOR TABLE room_events SINCE 0'],
    ['USE', 'USE NS other'],
    ['OPTION', 'OPTION IMPORT'],
    ['a bare expression', '1 + 1'],
    ['nothing', ' ; ; '],
    ['EXPLAIN', 'SELECT * FROM receipts EXPLAIN FULL'],
    ['EXPLAIN in front', 'EXPLAIN SELECT * FROM receipts'],
    ['its own timeout', 'SELECT * FROM receipts TIMEOUT 10s'],
    ['PARALLEL', 'SELECT * FROM receipts PARALLEL'],
    ['VERSION', 'SELECT * FROM receipts VERSION d"2026-01-01T00:00:00Z"'],
    ['SPLIT', 'SELECT * FROM room_summaries SPLIT heroes'],
    ['FETCH', 'SELECT * FROM room_events FETCH event'],
    ['LIVE on a record', 'LIVE SELECT * FROM room_events:1'],
    ['LIVE on a range', 'LIVE SELECT * FROM room_events:1..2'],
    ['too many statements', Array.from({ length: 65 }, () => 'SELECT * FROM receipts').join(';')],
    // expressions that hide statements
    ['a block', 'SELECT { LET $a = 1; RETURN $a } FROM receipts'],
    ['a block in WHERE', 'SELECT * FROM receipts WHERE { RETURN true }'],
    ['a closure', 'SELECT * FROM receipts WHERE [1].map(|$x| $x)'],
    ['a closure in front', 'SELECT * FROM receipts WHERE |$x| { true }'],
    ['an empty closure', 'SELECT * FROM receipts WHERE || true'],
    ['a statement as a value', 'SELECT * FROM receipts WHERE (CREATE user)'],
    ['DELETE as an operand', 'SELECT * FROM receipts WHERE DELETE user'],
    ['RETURN with an array', 'SELECT * FROM receipts WHERE RETURN [0]'],
    ['RETURN with a cast', 'SELECT * FROM receipts WHERE RETURN <string> id'],
    ['IF', 'SELECT * FROM receipts WHERE IF true { 1 }'],
    ['a cast', 'SELECT <future> { 1 } FROM receipts'],
    ['a function literal', 'SELECT function() { return 1 } FROM receipts'],
    ['a future', 'SELECT * FROM receipts WHERE <future> { true }'],
    // functions
    ['sleep', 'SELECT sleep(3s) FROM receipts'],
    ['string::repeat', "SELECT string::repeat('a', 100000000) FROM receipts"],
    ['array::repeat', 'SELECT * FROM receipts WHERE array::repeat(1, 100000000)'],
    ['crypto', "SELECT crypto::bcrypt::generate('x') FROM receipts"],
    ['http', "SELECT http::get('http://x') FROM receipts"],
    ['fn::', "SELECT fn::room_role('!r', '@b:x') FROM receipts"],
    ['type::field', "SELECT type::field('a') FROM receipts"],
    ['type::table', "SELECT * FROM type::table('user')"],
    ['type::record of a hidden table', "SELECT * FROM type::record('user', 'x')"],
    ['type::record of a computed table', "SELECT * FROM type::record($t, 'x')"],
    ['spaces inside a function name', 'SELECT string :: repeat("a", 9) FROM receipts'],
    ['comments inside a function name', 'SELECT string/**/::/**/repeat("a", 9) FROM receipts'],
    ['a method', 'SELECT * FROM receipts WHERE room_id.repeat(1000000)'],
    ['a method on a parameter', 'SELECT $auth.id() FROM receipts'],
    ['a method behind a quote', 'SELECT * FROM receipts WHERE `room_id`.`repeat`(5)'],
    ['mathematical operators', 'SELECT * FROM receipts WHERE ts + ts = 2'],
    ['multiplication', "SELECT * FROM receipts WHERE 'a' * 100000 = 1"],
    ['a fuzzy match', 'SELECT * FROM receipts WHERE room_id ~ "a"'],
    ['a regular expression', 'SELECT * FROM receipts WHERE room_id = /(a+)+$/'],
    // tables
    ['a hidden table', 'SELECT * FROM access_token'],
    ['a hidden table in quotes', 'SELECT * FROM `access_token`'],
    ['a hidden table in brackets', 'SELECT * FROM ⟨access_token⟩'],
    ['a hidden record', 'SELECT * FROM login_session:abc'],
    ['a second, hidden target', 'SELECT * FROM receipts, user'],
    ['a hidden table in a subquery', 'SELECT * FROM receipts WHERE room_id IN (SELECT VALUE id FROM user)'],
    ['a hidden record in WHERE', 'SELECT * FROM receipts WHERE user:⟨@bob:x⟩.admin'],
    ['a text as target', "SELECT * FROM 'room_events'"],
    ['an array as target', 'SELECT * FROM [room_events, user]'],
    ['an unbound target', 'SELECT * FROM $t'],
    ['upper case tables', 'SELECT * FROM ROOM_EVENTS'],
    // graph and idioms
    ['a graph arrow', 'SELECT ->wrote->user FROM receipts'],
    ['a graph arrow back', 'SELECT * FROM receipts WHERE <-likes<-user'],
    ['a graph arrow after a name', 'SELECT room_id->likes FROM receipts'],
    ['a filter', 'SELECT heroes[WHERE true] FROM room_summaries'],
    ['a short filter', 'SELECT heroes[? true] FROM room_summaries'],
    ['destructuring', 'SELECT event.{ content, sender } FROM room_events'],
    ['recursion', 'SELECT id.{1..256}->x FROM room_events'],
    ['optional chaining', 'SELECT event?.content FROM room_events'],
    ['flattening', 'SELECT heroes… FROM room_summaries'],
    // subqueries and depth
    [
      'a subquery in a subquery',
      'SELECT * FROM receipts WHERE ts IN (SELECT VALUE ts FROM receipts WHERE ts IN (SELECT VALUE ts FROM receipts))',
    ],
    ['a subquery in the fields', 'SELECT (SELECT * FROM room_events) FROM room_events'],
    ['a subquery as target', 'SELECT * FROM (SELECT * FROM room_events)'],
    ['a subquery in a live query', 'LIVE SELECT * FROM receipts WHERE ts IN (SELECT VALUE ts FROM receipts)'],
    ['a subquery in an argument', 'SELECT * FROM receipts WHERE array::len((SELECT * FROM room_events)) > 1'],
    ['deep parentheses', `SELECT * FROM receipts WHERE ${'('.repeat(50)}true${')'.repeat(50)}`],
    ['deep arrays', `SELECT * FROM receipts WHERE ts IN ${'['.repeat(50)}${']'.repeat(50)}`],
    ['deep negation', `SELECT * FROM receipts WHERE ${'!'.repeat(400)}true`],
    [
      'a long live query',
      `LIVE SELECT * FROM receipts WHERE ${Array.from({ length: 100 }, () => 'ts = 1').join(' OR ')}`,
    ],
    // amplification
    ['a constant copied into each row', 'SELECT "aaaaaaaaaa" AS a FROM room_events'],
    ['an array copied into each row', 'SELECT [1, 2, 3] AS a FROM room_events'],
    [
      'many copies of a body',
      `SELECT ${Array.from({ length: 9 }, (_, i) => `event AS e${i}`).join(', ')} FROM room_events`,
    ],
    ['groups that collect bodies', 'SELECT event FROM room_events GROUP ALL'],
    ['groups by body', 'SELECT event, count() FROM room_events GROUP BY event'],
    ['sorting the whole table', 'SELECT * FROM room_events ORDER BY sender'],
    // lexer tricks
    ['an unfinished comment', 'SELECT * FROM receipts /* never ends'],
    ['an unfinished string', "SELECT * FROM receipts WHERE room_id = 'x"],
    ['an unfinished name', 'SELECT `a FROM receipts'],
    ['a unicode escape', 'SELECT * FROM receipts WHERE room_id = "\\u{41}"'],
    ['a backslash in a name', 'SELECT `a\\`b` FROM receipts'],
    ['a zero byte in a string', 'SELECT * FROM receipts WHERE room_id = "a\u0000b"'],
    ['a no-break space', 'SELECT\u00a0* FROM receipts'],
    ['a line separator', 'SELECT *\u2028FROM receipts'],
    ['a fullwidth letter', 'ＳＥＬＥＣＴ * FROM receipts'],
    ['a record string', 'SELECT * FROM r"user:1"'],
    ['a record string in WHERE', 'SELECT * FROM receipts WHERE id = r"user:1"'],
    ['a datetime string', 'SELECT * FROM receipts WHERE id = d"2026-01-01T00:00:00Z"'],
    ['a byte string', 'SELECT * FROM receipts WHERE id = b"00"'],
    ['a huge number', 'SELECT * FROM receipts LIMIT 99999999999999999999'],
    ['a number with a suffix', 'SELECT * FROM receipts WHERE ts = 5f'],
    ['a duration', 'SELECT * FROM receipts WHERE ts = 5s'],
    ['a negative limit', 'SELECT * FROM receipts LIMIT -1'],
    ['an emoji', 'SELECT 🔥 FROM receipts'],
    ['a long text', `SELECT * FROM receipts WHERE room_id = '${'x'.repeat(20_000)}'`],
    ['many words', `SELECT * FROM receipts WHERE ts IN [${'1,'.repeat(2_000)}1]`],
  ])('%s is refused', (_, sql) => {
    expect(refusal(sql)).toBeTypeOf('string')
  })

  test('what is not text is refused', () => {
    for (const value of [undefined, null, 1, {}, [], new Table('receipts')]) expect(screen(value).allowed).toBe(false)
  })

  test('a comment ends where the line ends, so nothing hides behind one', () => {
    expect(refusal('SELECT * FROM receipts -- \n; DELETE user')).toMatch(/statement must begin/)
    expect(refusal('SELECT * FROM receipts # \r; DELETE user')).toMatch(/statement must begin/)
    expect(passed('SELECT * FROM receipts // ; DELETE user')).toBe('SELECT * FROM receipts LIMIT 1000 TIMEOUT 2000ms')
    expect(passed("SELECT * FROM receipts WHERE room_id = '-- /*'")).toContain('"-- /*"')
  })

  test('a less-than sign glued to a minus sign does not become an arrow', () => {
    expect(passed('SELECT * FROM receipts WHERE ts<-1')).toContain('WHERE ts < -1 LIMIT')
  })

  test('a string is written anew, so its quotes cannot end it', () => {
    const sql = passed(`SELECT * FROM receipts WHERE room_id = 'a" OR true OR "\\''`)

    expect(sql).toContain(String.raw`room_id = "a\" OR true OR \"'" LIMIT`)
  })
})

describe('for any text at all', () => {
  const words = fc.constantFrom(
    ...[
      'SELECT',
      'LIVE',
      'KILL',
      'FROM',
      'WHERE',
      'VALUE',
      '*',
      'room_events',
      'receipts',
      'user',
      'access_token',
      ',',
    ],
    ...[
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '|',
      '.',
      '..',
      ':',
      '::',
      ';',
      '=',
      '<',
      '>',
      '-',
      '!',
      '"x"',
      "'y'",
      '$user_id',
    ],
    ...[
      'count',
      'string',
      'repeat',
      'type',
      'record',
      'RETURN',
      'LET',
      'DELETE',
      'GROUP',
      'ALL',
      'ORDER',
      'BY',
      'LIMIT',
    ],
    ...['1', '1000000', '--', '/*', '*/', '`a`', '⟨b⟩', 'AND', 'IN', 'NOT', '\n', 'u"x"', '\\', '->'],
  )
  const shapes = /^(LIVE SELECT |SELECT .* TIMEOUT \d+ms$|KILL u"[0-9a-f-]{36}"$)/

  const holds = (source: string) => {
    const verdict = screen(source)
    if (!verdict.allowed) return
    for (const { sql } of verdict.statements) expect(sql).toMatch(shapes)
    for (const token of tokenise(withoutTimeout(verdict.sql))) {
      expect(['LET', 'RETURN', 'DELETE', 'CREATE', 'DEFINE']).not.toContain(token.kind === 'word' && token.upper)
    }
    for (const [, name] of verdict.sql.replaceAll(/"[^"]*"/g, '').matchAll(/([a-z_]+(?:::[a-z_]+)*)\(/g))
      expect(allowedFunctions).toContain(name)
    for (const [, name] of verdict.sql.matchAll(/FROM (?:ONLY )?([a-z_]+)/g)) {
      if (name !== 'type') expect(readableTables).toContain(name)
    }
    const again = screen(withoutTimeout(verdict.sql))
    expect(again).toMatchObject({ allowed: true, sql: verdict.sql })
  }

  test('words of the language in any order end in a verdict, and what passes keeps the shape', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 25 }), (list) => holds(list.join(' '))),
      { numRuns: 3_000 },
    )
  })

  test('a good query with words thrown in keeps the shape', () => {
    const good = ['SELECT', '*', 'FROM', 'receipts', 'WHERE', '$user_id', '=', 'user_id', 'LIMIT', '5']
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10), words), { minLength: 1, maxLength: 6 }), (inserts) => {
        const list = [...good]
        for (const [at, word] of inserts) list.splice(at, 0, word)
        holds(list.join(' '))
        holds(list.join(''))
      }),
      { numRuns: 3_000 },
    )
  })

  test('any string of characters ends in a verdict', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (source) => {
        expect(screen(source).allowed).toBeTypeOf('boolean')
        expect(screen(`SELECT ${source}`).allowed).toBeTypeOf('boolean')
      }),
      { numRuns: 2_000 },
    )
  })

  test('any string survives as a literal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (value) => {
        const quoted = value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
        const verdict = screen(`SELECT * FROM receipts WHERE room_id = '${quoted}'`)
        const token = verdict.allowed
          ? tokenise(withoutTimeout(verdict.sql)).find((each) => each.kind === 'string')
          : undefined
        expect(token?.kind === 'string' && token.value).toBe(value)
      }),
    )
  })

  test('a live query is never longer than its bound', () => {
    const verdict = screen(`LIVE SELECT * FROM receipts WHERE ts IN [${'1,'.repeat(80)}1]`)
    expect(verdict.allowed).toBe(true)
    expect(screenLimits.liveTokens).toBe(200)
  })
})
