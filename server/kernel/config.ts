/**
 * Reads the configuration: defaults, then the file, then `HEARTH_…` variables, then arguments.
 *
 * Nothing is guessed: an unknown name is refused with the nearest known one, a wrong value with
 * what was expected. Only an unknown variable is no more than a warning: the environment is not ours alone. Everything wrong becomes a `ConfigError` whose message is one sentence, which
 * the host prints before it exits with 2. The file itself is read by the host (the kernel does no I/O).
 */
import { isAbsolute, resolve } from 'node:path'
import { type HomeserverConfig, optionsByName } from './config-options.js'

export type { HomeserverConfig } from './config-options.js'

/** Something the person who started us must mend; the message is one sentence for them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

export type ConfigSources = {
  /** Options by dotted name as the command line gave them, e.g. `{ 'listeners.client.port': '0' }`. */
  argv?: Readonly<Record<string, string>>
  /** Environment; only names that start with `HEARTH_` are looked at. */
  env?: Readonly<Record<string, string | undefined>>
  /** Path (for messages, and the base of relative paths in it) and text of the configuration file. */
  file?: { path: string; text: string }
  /** Data directory when nothing names one. */
  dataDir: string
  /** Folder of the built user interface when nothing names one. */
  rendererDir?: string
  /** Told what is odd but no reason not to start, one sentence each. */
  warn?: (sentence: string) => void
}

/** Variables that are ours but no options. */
const otherVariables = new Set(['HEARTH_PASSPHRASE', 'HEARTH_CONFIG'])
/** Options that name files: a relative path means beside the configuration file, or the working directory. */
const pathOptions = [
  'data_dir',
  'renderer_dir',
  'tls.certificate_path',
  'tls.private_key_path',
  'federation.ca_certificate_path',
  'appservice_registration_files',
]

/** `listeners.client.port` → `HEARTH_LISTENERS_CLIENT_PORT` */
export const variableOf = (name: string) => `HEARTH_${name.replaceAll('.', '_').toUpperCase()}`

/** @throws ConfigError for the first thing that is wrong */
export function readConfig(sources: ConfigSources): HomeserverConfig {
  const values = new Map<string, unknown>([...optionsByName].map(([name, option]) => [name, option.fallback]))
  values.set('data_dir', sources.dataDir)
  values.set('renderer_dir', sources.rendererDir)

  if (sources.file) {
    const base = resolve(sources.file.path, '..')
    for (const [name, value] of readFileValues(sources.file)) values.set(name, rebase(name, value, base))
  }
  for (const [name, value] of readVariables(sources.env ?? {}, sources.warn)) values.set(name, value)
  for (const [name, given] of Object.entries(sources.argv ?? {})) values.set(name, parseText(name, given, name))

  for (const name of pathOptions) values.set(name, rebase(name, values.get(name), process.cwd()))
  if (!values.get('database.url')) values.set('database.url', `rocksdb://${values.get('data_dir')}/db`)
  const config = toTree(values)
  checkTogether(config)
  return config
}

/** The configuration of a server with this data directory and nothing set: what tests start from. */
export const defaultConfig = (dataDir: string): HomeserverConfig => readConfig({ dataDir })

/** `docs/config.example.json`: every option at its default, null where there is none. */
export function exampleConfig(): string {
  const values = new Map<string, unknown>()
  for (const [name, option] of optionsByName)
    if (!option.internal) values.set(name, option.fallback === '' ? null : (option.fallback ?? null))
  return `${JSON.stringify(toTree(values), undefined, 2)}\n`
}

/** `docs/configuration.md`'s table: name, variable, default and sentence of every option. */
export function configTable(): string {
  const rows = [...optionsByName]
    .filter(([, option]) => !option.internal)
    .map(
      ([name, { fallback, expected, says }]) =>
        `| \`${name}\` | \`${variableOf(name)}\` | ${expected} | ${fallback === undefined || fallback === '' ? '' : `\`${JSON.stringify(fallback)}\``} | ${says.replaceAll('|', '\\|')} |`,
    )
  return ['| Key | Variable | Value | Default | What it does |', '|---|---|---|---|---|', ...rows, ''].join('\n')
}

function* readFileValues(file: { path: string; text: string }): Generator<[string, unknown]> {
  let tree: unknown
  try {
    tree = JSON.parse(file.text)
  } catch (error) {
    throw new ConfigError(`The configuration file ${file.path} is not JSON: ${(error as Error).message}`)
  }
  yield* walk(tree, '', file.path)
}

function* walk(tree: unknown, prefix: string, where: string): Generator<[string, unknown]> {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree))
    throw new ConfigError(`${prefix ? `"${prefix.slice(0, -1)}" in ` : ''}${where} must be an object.`)
  for (const [key, value] of Object.entries(tree)) {
    const name = prefix + key
    const option = optionsByName.get(name)
    if (option) {
      if (value === null) continue // the example file's way to say "not set"
      const parsed = option.parse(value)
      if (parsed === undefined) throw new ConfigError(`"${name}" in ${where} must be ${option.expected}.`)
      yield [name, parsed]
    } else if (isGroup(name)) yield* walk(value, `${name}.`, where)
    else throw new ConfigError(`Unknown key "${name}" in ${where}${suggest(name, [...optionsByName.keys()])}`)
  }
}

const isGroup = (name: string) => [...optionsByName.keys()].some((known) => known.startsWith(`${name}.`))

function* readVariables(
  env: Readonly<Record<string, string | undefined>>,
  warn?: (sentence: string) => void,
): Generator<[string, unknown]> {
  const names = new Map([...optionsByName.keys()].map((name) => [variableOf(name), name]))
  for (const [variable, given] of Object.entries(env)) {
    if (!variable.startsWith('HEARTH_') || given === undefined || otherVariables.has(variable)) continue
    if (variable.startsWith('HEARTH_EXTRA')) continue
    const name = names.get(variable)
    if (name) yield [name, parseText(name, given, variable)]
    else warn?.(`The environment variable ${variable} means nothing here${suggest(variable, [...names.keys()])}`)
  }
}

function parseText(name: string, given: string, shown: string): unknown {
  const option = optionsByName.get(name)
  if (!option) throw new ConfigError(`Unknown option "${name}"${suggest(name, [...optionsByName.keys()])}`)
  const parsed = option.parse(option.fromText(given))
  if (parsed === undefined) throw new ConfigError(`${shown} must be ${option.expected}.`)
  return parsed
}

/** Rules that join two options. */
function checkTogether({ tls, listeners }: HomeserverConfig): void {
  if ((tls.certificate_path === undefined) !== (tls.private_key_path === undefined))
    throw new ConfigError('"tls.certificate_path" and "tls.private_key_path" must be given together.')
  const { client, federation } = listeners
  if (federation.enabled && client.port !== 0 && client.port === federation.port)
    throw new ConfigError(`"listeners.client.port" and "listeners.federation.port" are both ${client.port}.`)
}

function rebase(name: string, value: unknown, base: string): unknown {
  if (!pathOptions.includes(name)) return value
  if (Array.isArray(value)) return value.map((each: string) => (isAbsolute(each) ? each : resolve(base, each)))
  return typeof value === 'string' && value !== '' && !isAbsolute(value) ? resolve(base, value) : value
}

function toTree(values: ReadonlyMap<string, unknown>): HomeserverConfig {
  const tree: Record<string, unknown> = {}
  for (const [name, value] of values) {
    const groups = name.split('.')
    const last = groups.pop()!
    const parent = groups.reduce((at, group) => {
      at[group] ??= {}
      return at[group] as Record<string, unknown>
    }, tree)
    parent[last] = structuredClone(value)
  }
  return tree as HomeserverConfig
}

/** The end of a refusal: `; did you mean "…"?` for the closest known name, a full stop when none is near. */
export function suggest(given: string, known: readonly string[]): string {
  const sameEnd = known.find((name) => name.endsWith(`.${given}`))
  if (sameEnd) return `; did you mean "${sameEnd}"?`
  const ranked = known.map((name) => ({ name, distance: editDistance(given, name) }))
  const nearest = ranked.sort((a, b) => a.distance - b.distance)[0]
  return nearest && nearest.distance <= Math.max(3, given.length / 3) ? `; did you mean "${nearest.name}"?` : '.'
}

/** Levenshtein's distance: insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
