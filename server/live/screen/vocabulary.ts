/**
 * What a record session's query may name: tables, functions, operators, parameters.
 *
 * These are allow-lists: what the engine adds in its next version is refused until somebody adds it here.
 */

/** Tables with PERMISSIONS made for people (schema/migrations/0005-live.surql). */
export const readableTables: ReadonlySet<string> = new Set([
  'room_events',
  'room_members',
  'room_roles',
  'room_summaries',
  'typing_events',
  'user_presence',
  'receipts',
  'account_data',
  'to_device',
  'device_key_counts',
  'device_list_changes',
  'live_subscriptions',
  'server_metrics',
  'federation_traffic',
])

/** Those that grow with the server rather than with one user: reading one without a range is a scan. */
export const largeTables: ReadonlySet<string> = new Set([
  'room_events',
  'room_members',
  'room_roles',
  'room_summaries',
  'user_presence',
  'receipts',
  'account_data',
  'to_device',
  'device_key_counts',
  'device_list_changes',
])

/** Functions with a bounded result that read nothing but their arguments (`type::record` is checked besides). */
export const allowedFunctions: ReadonlySet<string> = new Set([
  'count',
  'math::max',
  'math::min',
  'math::sum',
  'array::len',
  'array::first',
  'array::last',
  'string::len',
  'string::lowercase',
  'string::starts_with',
  'string::ends_with',
  'string::contains',
  'time::now',
  'time::unix',
  'record::id',
  'type::record',
])

/** Operators between two operands; words in upper case, the longest first where one starts another. */
export const operators: readonly (readonly string[])[] = [
  ['IS', 'NOT'],
  ['NOT', 'IN'],
  ...[
    ...['=', '==', '!=', '<', '<=', '>', '>=', '&&', '||', '??'],
    ...['AND', 'OR', 'IS', 'IN', 'INSIDE', 'NOTINSIDE', 'ALLINSIDE', 'ANYINSIDE', 'NONEINSIDE'],
    ...['CONTAINS', 'CONTAINSNOT', 'CONTAINSALL', 'CONTAINSANY', 'CONTAINSNONE'],
  ].map((word) => [word]),
]

/** Those that compare every element of one list with every element of another. */
export const setOperators: ReadonlySet<string> = new Set([
  ...['ALLINSIDE', 'ANYINSIDE', 'NONEINSIDE', 'CONTAINSALL', 'CONTAINSANY', 'CONTAINSNONE'],
])

/**
 * Words that begin a statement, a clause or an operand of the engine's own. Bare, they are never field names
 * (between backticks they are), so a statement cannot hide where an expression is expected.
 */
export const reservedWords: ReadonlySet<string> = new Set([
  ...['ACCESS', 'ALTER', 'ANALYZE', 'BEGIN', 'BREAK', 'CANCEL', 'COMMIT', 'CONTINUE', 'CREATE', 'DEFINE', 'DELETE'],
  ...['ELSE', 'END', 'EXPLAIN', 'FOR', 'FROM', 'FUNCTION', 'GRANT', 'IF', 'INFO', 'INSERT', 'INTO', 'KILL', 'LET'],
  ...['LIVE', 'ONLY', 'OPTION', 'REBUILD', 'RELATE', 'REMOVE', 'RETURN', 'REVOKE', 'SELECT', 'SET', 'SHOW', 'SLEEP'],
  ...['THEN', 'THROW', 'UNSET', 'UPDATE', 'UPSERT', 'USE', 'VALUE', 'WHERE', 'WHILE', 'WITH', 'GROUP', 'ORDER'],
  ...['LIMIT', 'START', 'FETCH', 'SPLIT', 'TIMEOUT', 'VERSION', 'PARALLEL', 'TEMPFILES', 'OMIT', 'AS', 'BY', 'NOT'],
  ...['TRUE', 'FALSE', 'NULL', 'NONE', 'NAN', 'INFINITY', 'ASYNC', 'FUTURE', 'DIFF', 'AND', 'OR', 'IS', 'IN'],
])

/** Parameters a query may read without binding them: set by the engine or by the bridge. */
export const sessionParams: ReadonlySet<string> = new Set([
  'auth',
  'token',
  'session',
  'access',
  'user_id',
  'device_id',
])

/** Names the engine gives a meaning to; a client may not bind them. `user_id` and `device_id` are forced instead. */
export const protectedParams: ReadonlySet<string> = new Set([
  ...['auth', 'token', 'session', 'access', 'this', 'parent', 'value', 'event', 'before', 'after', 'input', 'output'],
  ...['request', 'reference', '__proto__'],
])
