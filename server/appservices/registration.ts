/**
 * Registration files of application services: YAML, written by the owner of this server or by the service's own tool.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#registration
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { ConfigError } from '../kernel/config.js'
import { isValidLocalpart } from '../kernel/identifiers.js'

export type Namespace = { exclusive: boolean; regex: RegExp }

type EphemeralMember = 'ephemeral' | 'de.sorunome.msc2409.ephemeral'

export type AppserviceRegistration = {
  id: string
  /** Undefined for one that is sent nothing. */
  url: string | undefined
  /** What it shows to this server. */
  asToken: string
  /** What this server shows to it. */
  hsToken: string
  senderLocalpart: string
  namespaces: { users: readonly Namespace[]; aliases: readonly Namespace[]; rooms: readonly Namespace[] }
  isRateLimited: boolean
  protocols: readonly string[]
  /** The member of a transaction in which it looks for ephemeral events; undefined for one that wants none. */
  ephemeralIn: EphemeralMember | undefined
}

const maxFileBytes = 1_000_000

/** @throws ConfigError where a file cannot be read or is wrong, and where two share an ID or a token */
export function readRegistrations(paths: readonly string[]): AppserviceRegistration[] {
  const all = paths.map((path) => parseRegistration(readText(path), path))
  for (const name of ['id', 'asToken', 'senderLocalpart'] as const) {
    const seen = new Map<string, string>()
    for (const [i, registration] of all.entries()) {
      const other = seen.get(registration[name])
      if (other !== undefined) throw new ConfigError(`${paths[i]} has the same ${fileNames[name]} as ${other}.`)
      seen.set(registration[name], paths[i]!)
    }
  }
  return all
}

const fileNames = { id: 'id', asToken: 'as_token', senderLocalpart: 'sender_localpart' } as const

function readText(path: string): string {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > maxFileBytes) throw new Error('it is too large')
    return bytes.toString('utf8')
  } catch (error) {
    throw new ConfigError(`${path} of appservice_registration_files cannot be read: ${(error as Error).message}.`)
  }
}

/** @param path for messages. @throws ConfigError for what is no registration */
export function parseRegistration(text: string, path: string): AppserviceRegistration {
  const wrong = (what: string) => new ConfigError(`${path}: ${what}.`)
  const file = parseYaml(text, wrong)
  const textOf = (name: string): string => {
    const value = file[name]
    if (typeof value !== 'string' || value === '') throw wrong(`${name} must be a text`)
    return value
  }
  const flagOf = (name: string): boolean | undefined => {
    if (file[name] === undefined) return undefined
    if (typeof file[name] !== 'boolean') throw wrong(`${name} must be true or false`)
    return file[name]
  }
  const { url, protocols = [] } = file
  if (url !== null && (typeof url !== 'string' || !URL.canParse(url))) throw wrong('url must be a URL, or null')
  if (!Array.isArray(protocols) || protocols.some((each) => typeof each !== 'string'))
    throw wrong('protocols must be a list of texts')
  const senderLocalpart = textOf('sender_localpart')
  if (!isValidLocalpart(senderLocalpart)) throw wrong('sender_localpart is no local part of a user ID')
  return {
    id: textOf('id'),
    url: url === null || url === '' ? undefined : (url as string).replace(/\/+$/, ''),
    asToken: textOf('as_token'),
    hsToken: textOf('hs_token'),
    senderLocalpart,
    namespaces: {
      users: namespacesIn(file.namespaces, 'users', wrong),
      aliases: namespacesIn(file.namespaces, 'aliases', wrong),
      rooms: namespacesIn(file.namespaces, 'rooms', wrong),
    },
    isRateLimited: flagOf('rate_limited') ?? true,
    protocols,
    ephemeralIn: ephemeralMember(flagOf('receive_ephemeral'), flagOf('de.sorunome.msc2409.push_ephemeral')),
  }
}

/** Services that were written before it was in the specification ask for it under another name, and look for it there. */
function ephemeralMember(asks: boolean | undefined, asksAsBefore: boolean | undefined): EphemeralMember | undefined {
  if (asks) return 'ephemeral'
  return asks === undefined && asksAsBefore ? 'de.sorunome.msc2409.ephemeral' : undefined
}

type Wrong = (what: string) => ConfigError

function parseYaml(text: string, wrong: Wrong): Record<string, unknown> {
  let file: unknown
  try {
    file = parse(text, { maxAliasCount: 100 })
  } catch (error) {
    throw wrong(`it is no YAML: ${(error as Error).message.split('\n')[0]!.replace(/[.:]$/, '')}`)
  }
  if (!isObject(file)) throw wrong('it is no registration of an application service')
  return file
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function namespacesIn(namespaces: unknown, kind: 'users' | 'aliases' | 'rooms', wrong: Wrong): Namespace[] {
  if (namespaces === undefined || namespaces === null) return []
  if (!isObject(namespaces)) throw wrong('namespaces must have users, aliases and rooms')
  const list = namespaces[kind] ?? []
  if (!Array.isArray(list)) throw wrong(`namespaces.${kind} must be a list`)
  return list.map((each: unknown) => {
    if (!isObject(each) || typeof each.regex !== 'string') throw wrong(`each of namespaces.${kind} must have a regex`)
    return { exclusive: each.exclusive === true, regex: toRegex(each.regex, kind, wrong) }
  })
}

/** From the start of the text, as the other servers match: `@irc_.*` is meant, not "somewhere in it". */
function toRegex(source: string, kind: string, wrong: Wrong): RegExp {
  try {
    return new RegExp(`^(?:${source})`)
  } catch {
    throw wrong(`the regex ${source} of namespaces.${kind} is none`)
  }
}
