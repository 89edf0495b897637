/**
 * Tokens of the SurrealQL subset that a record session may send.
 *
 * Stricter than the engine on purpose: where its lexer is permissive or context-dependent (braces,
 * closures, graph arrows, casts, exotic spaces and escapes, number suffixes) there is no token, so
 * nothing can mean one thing here and another there. The parser writes the query anew from these
 * tokens; comments and the original spacing never reach the engine.
 */

export type Token =
  /** A bare word: keyword, field, table or part of a function name. `text` as written, `upper` for keywords. */
  | { kind: 'word'; text: string; upper: string; at: number; glued: boolean }
  /** `⟨…⟩` or `` `…` ``: never a keyword. */
  | { kind: 'quoted'; text: string; at: number; glued: boolean }
  | { kind: 'string'; value: string; at: number; glued: boolean }
  /** `u"…"` */
  | { kind: 'uuid'; value: string; at: number; glued: boolean }
  | { kind: 'number'; text: string; at: number; glued: boolean }
  | { kind: 'param'; name: string; at: number; glued: boolean }
  | { kind: 'mark'; text: string; at: number; glued: boolean }
  | { kind: 'end'; at: number; glued: boolean }

/** The query is not one we pass on; the message says why, in words for its author. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** Longest first, so that `..=` is not read as `..` and `=`. */
const marks = [
  '>..=',
  '>..',
  '..=',
  '..',
  '::',
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '??',
  ',',
  ';',
  '(',
  ')',
  '[',
  ']',
  '.',
  '*',
  '=',
  '<',
  '>',
  '!',
  ':',
  '-',
]
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  '/': '/',
  n: '\n',
  t: '\t',
  r: '\r',
}
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

const maxTokens = 1_500

/**
 * @returns the tokens, the last one of kind `end`
 * @throws Refused at the first character that starts no token of ours
 */
export function tokenise(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    const start = at
    at = skipBlank(source, at)
    const glued = at === start
    if (at >= source.length) {
      tokens.push({ kind: 'end', at, glued })
      return tokens
    }
    const [token, next] = readToken(source, at, glued)
    tokens.push(token)
    if (tokens.length > maxTokens) throw new Refused(`a query may have at most ${maxTokens} words and signs`)
    at = next
  }
}

/** Skips spaces and comments. */
function skipBlank(source: string, from: number): number {
  let at = from
  for (;;) {
    const char = source[at]
    const two = source.slice(at, at + 2)
    if (char === ' ' || char === '\t' || char === '\n' || char === '\r') at++
    else if (char === '#' || two === '--' || two === '//') {
      while (at < source.length && source[at] !== '\n' && source[at] !== '\r') at++
    } else if (two === '/*') {
      const end = source.indexOf('*/', at + 2)
      if (end < 0) throw new Refused('a comment has no end')
      at = end + 2
    } else return at
  }
}

function readToken(source: string, at: number, glued: boolean): [Token, number] {
  const char = source[at]!
  if (char === '"' || char === "'") {
    const [value, next] = readString(source, at)
    return [{ kind: 'string', value, at, glued }, next]
  }
  if (char === '$') {
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(source.slice(at + 1, at + 129))?.[0]
    if (!name) throw refusedAt(source, at)
    return [{ kind: 'param', name, at, glued }, at + 1 + name.length]
  }
  if (char === '`' || char === '⟨') return readQuoted(source, at, glued)
  if (/[0-9]/.test(char)) return readNumber(source, at, glued)
  if (/[A-Za-z_]/.test(char)) return readWord(source, at, glued)
  const mark = marks.find((each) => source.startsWith(each, at))
  if (!mark) throw refusedAt(source, at)
  return [{ kind: 'mark', text: mark, at, glued }, at + mark.length]
}

function readWord(source: string, at: number, glued: boolean): [Token, number] {
  const text = /^[A-Za-z_][A-Za-z0-9_]*/.exec(source.slice(at, at + 256))![0]
  const next = at + text.length
  if (source[next] !== '"' && source[next] !== "'")
    return [{ kind: 'word', text, upper: text.toUpperCase(), at, glued }, next]
  // A prefixed string: records, datetimes, bytes and files are read by the engine in ways of their own.
  const [value, end] = readString(source, next)
  if (text === 's') return [{ kind: 'string', value, at, glued }, end]
  if (text === 'u' && uuidPattern.test(value)) return [{ kind: 'uuid', value: value.toLowerCase(), at, glued }, end]
  throw new Refused(`strings with the prefix ${text} are not allowed`)
}

/** Whole numbers within 2^53 and plain decimals: no exponents, underscores, suffixes or durations. */
function readNumber(source: string, at: number, glued: boolean): [Token, number] {
  const text = /^[0-9]+(?:\.[0-9]+)?/.exec(source.slice(at, at + 40))![0]
  const next = at + text.length
  if (/[A-Za-z0-9_]/.test(source[next] ?? ' ')) throw refusedAt(source, at)
  if (Number(text) > Number.MAX_SAFE_INTEGER) throw new Refused('a number is too large')
  return [{ kind: 'number', text, at, glued }, next]
}

function readQuoted(source: string, at: number, glued: boolean): [Token, number] {
  const close = source[at] === '⟨' ? '⟩' : '`'
  const end = source.indexOf(close, at + 1)
  if (end < 0) throw new Refused('a quoted name has no end')
  const text = source.slice(at + 1, end)
  if (text === '' || !isQuotable(text)) throw new Refused('a quoted name holds a character that is not allowed')
  return [{ kind: 'quoted', text, at, glued }, end + 1]
}

/** May stand between ⟨ and ⟩ without any escape. */
export const isQuotable = (text: string) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  text.length <= 512 && !/[⟨⟩`\\\u0000-\u001f\u007f-\u009f]/.test(text) && isWellFormed(text)

/** No half of a surrogate pair stands alone. */
const isWellFormed = (text: string) => !/\p{Surrogate}/u.test(text)

function readString(source: string, at: number): [string, number] {
  const quote = source[at]
  let value = ''
  let next = at + 1
  for (;;) {
    const char = source[next]
    if (char === undefined) throw new Refused('a string has no end')
    next++
    if (char === quote) break
    if (char !== '\\') {
      value += char
      continue
    }
    const escaped = escapes[source[next] ?? '']
    if (escaped === undefined) throw new Refused('a string holds an escape that is not allowed')
    value += escaped
    next++
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(value) || !isWellFormed(value))
    throw new Refused('a string holds a character that is not allowed')
  return [value, next]
}

/** The one way this server writes a string into a query. */
export const quoteString = (value: string) =>
  `"${value
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t')}"`

const refusedAt = (source: string, at: number) =>
  new Refused(`${JSON.stringify(String.fromCodePoint(source.codePointAt(at)!))} is not allowed at character ${at + 1}`)
