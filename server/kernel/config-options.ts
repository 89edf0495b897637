/**
 * The configuration as data: every option with its kind, its default and one sentence.
 *
 * The type `HomeserverConfig`, the reader (`config.ts`), the names of environment variables and
 * `docs/config.example.json` all follow from this table, so an option is added in one place. Names
 * are those of the file (`snake_case`), in code as well: an option has one name everywhere.
 */
import { isIP } from 'node:net'
import { parseServerName, parseUserId, type ServerName, type UserId } from './identifiers.js'

/** What a kind of option accepts: the parsed value, or undefined when it is not `expected`. */
type Kind<Value> = {
  /** Completes "… must be", e.g. "a whole number from 0 to 65535". */
  expected: string
  parse(value: unknown): Value | undefined
  /** Turns the text of an environment variable or argument into what `parse` takes. */
  fromText(text: string): unknown
}

export type Option<Value> = Kind<NonNullable<Value>> & {
  readonly isOption: true
  says: string
  fallback: Value
  /** Set by the host that starts the server, not by people: left out of the example file. */
  internal: boolean
}

type OptionTree = { [name: string]: Option<unknown> | OptionTree }
type Values<Tree> = { [Name in keyof Tree]: Tree[Name] extends Option<infer Value> ? Value : Values<Tree[Name]> }

const asIs = (text: string): unknown => text
const text: Kind<string> = {
  expected: 'text',
  parse: (value) => (typeof value === 'string' && value !== '' ? value : undefined),
  fromText: asIs,
}
const bearerToken: Kind<string> = {
  expected: 'printable text without blanks',
  parse: (value) => (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined),
  fromText: asIs,
}
const serverName: Kind<ServerName> = {
  expected: 'a server name such as "example.org" or "example.org:8448"',
  parse: parseServerName,
  fromText: asIs,
}
const userId: Kind<UserId> = {
  expected: 'a user ID such as "@admin:example.org"',
  parse: parseUserId,
  fromText: asIs,
}
const turnUri: Kind<string> = {
  expected: 'a turn: or turns: URI',
  parse: (value) => (typeof value === 'string' && /^turns?:[^\s/]+$/.test(value) ? value : undefined),
  fromText: asIs,
}
const webUrl: Kind<string> = {
  expected: 'an http or https URL',
  parse: (value) =>
    typeof value === 'string' && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? value : undefined,
  fromText: asIs,
}
const httpsUrl: Kind<string> = {
  expected: 'an https URL',
  parse: (value) => (webUrl.parse(value)?.startsWith('https:') ? (value as string) : undefined),
  fromText: asIs,
}
const databaseUrl: Kind<string> = {
  expected: 'a rocksdb:, ws: or wss: URL',
  parse: (value) => (typeof value === 'string' && /^(rocksdb|wss?):\/\/./.test(value) ? value : undefined),
  fromText: asIs,
}
const flag: Kind<boolean> = {
  expected: 'true or false',
  parse: (value) => (typeof value === 'boolean' ? value : undefined),
  fromText: (given) => ({ true: true, false: false })[given],
}
const wholeNumber = (min: number, max: number): Kind<number> => ({
  expected: `a whole number from ${min} to ${max}`,
  parse: (value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : undefined,
  fromText: (given) => (/^[0-9]{1,16}$/.test(given) ? Number(given) : undefined),
})
const proxy: Kind<string> = {
  expected: 'an address such as "172.18.0.2", a network such as "172.18.0.0/16", or "loopback"',
  parse: (value) => (typeof value === 'string' && isProxy(value) ? value : undefined),
  fromText: asIs,
}
const port = wholeNumber(0, 65535)
const bytes = wholeNumber(0, Number.MAX_SAFE_INTEGER)
const oneOf = <const Choice extends string>(...choices: Choice[]): Kind<Choice> => ({
  expected: `one of ${choices.join(', ')}`,
  parse: (value) => choices.find((choice) => choice === value),
  fromText: asIs,
})
const listOf = <Item>(item: Kind<Item>): Kind<Item[]> => ({
  expected: `a list, each item ${item.expected}`,
  parse(value) {
    if (!Array.isArray(value)) return undefined
    const items = value.map((each) => item.parse(each))
    return items.every((each) => each !== undefined) ? (items as Item[]) : undefined
  },
  fromText: (given) => (given === '' ? [] : given.split(',').map((each) => item.fromText(each.trim()))),
})
const anything: Kind<Record<string, unknown>> = {
  expected: 'an object',
  parse: (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined,
  fromText: asIs,
}

function isProxy(value: string): boolean {
  const [network = '', bits, ...rest] = value.split('/')
  const most = { 4: 32, 6: 128 }[isIP(network)]
  if (most === undefined || rest.length > 0) return value === 'loopback'
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= most)
}

function option<Value>(kind: Kind<Value>, fallback: NoInfer<Value>, says: string): Option<Value>
function option<Value>(kind: Kind<Value>, fallback: undefined, says: string): Option<Value | undefined>
function option<Value>(kind: Kind<Value>, fallback: Value | undefined, says: string) {
  return { ...kind, isOption: true, says, fallback, internal: false }
}
const internal = <Value>(each: Option<Value>): Option<Value> => ({ ...each, internal: true })

export const configOptions = {
  server_name: option(
    serverName,
    undefined,
    'The part after the colon in user IDs; it can never be changed. Without it the server starts in onboarding, which asks for it.',
  ),
  public_baseurl: option(
    webUrl,
    undefined,
    'Where clients reach this server from outside; announced in /.well-known/matrix/client.',
  ),
  data_dir: option(
    text,
    '',
    'Folder of the database, media, keys, backups and logs. Default: the place your system keeps application data.',
  ),
  renderer_dir: internal(option(text, undefined, 'Folder of the built user interface; none is served without it.')),
  database: {
    url: option(
      databaseUrl,
      '',
      'The SurrealDB to use: rocksdb:// for the embedded one, ws:// or wss:// for a cluster. Only one process may use it at a time; a second one refuses to start. Default: rocksdb://<data_dir>/db.',
    ),
  },
  listeners: {
    client: {
      host: option(text, '127.0.0.1', 'Address on which clients and the user interface are served.'),
      port: option(port, 8008, 'Port for clients and the user interface; 0 takes a free one.'),
    },
    federation: {
      enabled: option(
        flag,
        false,
        'Opens a second listener for other homeservers; it never serves the user interface or admin paths.',
      ),
      host: option(text, '0.0.0.0', 'Address of the federation listener.'),
      port: option(port, 8448, 'Port of the federation listener; 0 takes a free one.'),
    },
    trusted_proxies: option(
      listOf(proxy),
      ['loopback'],
      'Reverse proxies whose X-Forwarded-For is believed; everybody else is limited by the address they come from.',
    ),
  },
  tls: {
    certificate_path: option(text, undefined, 'PEM file with the certificate chain of the federation listener.'),
    private_key_path: option(text, undefined, 'PEM file with the private key of that certificate.'),
  },
  federation: {
    enabled: option(flag, false, 'Whether to talk to other homeservers at all.'),
    ca_certificate_path: option(
      text,
      undefined,
      'PEM file with certificate authorities to trust besides the built-in ones.',
    ),
    verify_certificates: option(
      flag,
      true,
      'Whether certificates of other homeservers must verify; false only for tests.',
    ),
    allow_private_addresses: option(
      flag,
      false,
      'Whether other homeservers may live at private or loopback addresses.',
    ),
    allow_public_rooms: option(flag, false, 'Whether other homeservers may read the public room directory.'),
    allowed_servers: option(listOf(serverName), undefined, 'If given, the only homeservers to talk to.'),
    denied_servers: option(listOf(serverName), [], 'Homeservers never to talk to.'),
    trusted_key_servers: option(
      listOf(serverName),
      [parseServerName('matrix.org')!],
      'Homeservers whose word is taken for the signing keys of servers that cannot be reached; none: those keys stay unknown.',
    ),
  },
  outbound: {
    verify_certificates: option(
      flag,
      true,
      'Whether certificates must verify: of application services, push gateways, and web pages that are previewed.',
    ),
    allow_private_addresses: option(
      flag,
      false,
      'Whether push gateways, and web pages that are previewed, may be at private addresses.',
    ),
  },
  registration: {
    enabled: option(flag, false, 'Whether people can make accounts themselves.'),
    dummy_flow: option(flag, false, 'Whether registration asks for nothing but a name and a password (m.login.dummy).'),
    tokens: option(listOf(text), [], 'Registration tokens, each good for any number of accounts.'),
    guests: option(flag, false, 'Whether guest accounts can be made.'),
    shared_secret: option(
      text,
      undefined,
      'Secret with which admin tools make accounts at /_synapse/admin/v1/register.',
    ),
  },
  metrics: {
    token: option(
      bearerToken,
      undefined,
      'Bearer token with which a monitoring program reads /metrics; administrators may with their own.',
    ),
  },
  rate_limits: { enabled: option(flag, true, 'Whether requests are limited per user and address.') },
  default_room_version: option(
    oneOf('1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'),
    '12',
    'Version of rooms made without asking for one.',
  ),
  appservice_registration_files: option(
    listOf(text),
    [],
    'Registration files (YAML) of application services: bridges, bots.',
  ),
  room_directory: {
    public_without_auth: option(flag, false, 'Whether the public room directory can be read without an account.'),
    anyone_may_publish: option(flag, true, 'Whether every user may publish rooms; otherwise only admins.'),
  },
  user_directory: {
    all_local_users: option(
      flag,
      true,
      'Whether everybody here finds everybody here by name; otherwise only who shares a room with them or is in an open one.',
    ),
  },
  push: {
    allow_http_gateways: option(
      flag,
      false,
      'Whether push gateways may be asked without TLS, as in a network at home.',
    ),
  },
  url_previews: { enabled: option(flag, false, 'Whether the server fetches web pages to preview links.') },
  media: {
    max_upload_bytes: option(bytes, 104_857_600, 'Largest file that can be uploaded, in bytes.'),
    remote_cache_bytes: option(
      bytes,
      1_073_741_824,
      'How much media of other homeservers to keep, in bytes; what nobody has asked for longest is deleted first.',
    ),
    user_quota_bytes: option(
      bytes,
      undefined,
      'How much each user may keep in uploads, in bytes; without it as much as the disk takes.',
    ),
  },
  email: {
    smtp_url: option(
      text,
      undefined,
      'Mail server by which addresses are confirmed and passwords set anew, as smtp://user:password@host:port or smtps://…; with "from".',
    ),
    from: option(text, undefined, 'Sender address of those mails.'),
  },
  voip: {
    turn_uris: option(
      listOf(turnUri),
      [],
      'TURN servers that calls may be relayed by, as turn:host:port?transport=udp; none: calls find their way without.',
    ),
    turn_shared_secret: option(
      text,
      undefined,
      'Secret shared with those TURN servers ("static-auth-secret" of coturn), from which each user’s password is made.',
    ),
    turn_ttl_seconds: option(wholeNumber(60, 604_800), 86_400, 'How long such a password is good, in seconds.'),
  },
  support: {
    contact_email: option(text, undefined, 'Mail address of whom to ask about this server; anybody can read it.'),
    contact_user_id: option(userId, undefined, 'Matrix user to ask about this server; anybody can read it.'),
    page_url: option(webUrl, undefined, 'Page with help about this server; anybody can read it.'),
  },
  password_hashing: {
    cost: option(oneOf('default', 'test'), 'default', 'Work per password check; "test" is fast and unsafe.'),
  },
  log: {
    level: option(
      oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
      'info',
      'Least important kind of log line to write.',
    ),
  },
  desktop: {
    server_process: option(
      oneOf('main', 'utility'),
      'main',
      'Where the desktop app runs the server: its main process or one of its own.',
    ),
    update_feed_url: option(httpsUrl, undefined, 'Feed of signed updates; without it the app never looks for any.'),
    spellcheck: option(flag, false, 'Whether to check spelling; on Windows and Linux this downloads a dictionary.'),
    developer_tools: option(flag, false, 'Whether an installed app offers the developer tools.'),
  },
  extra: option(anything, {}, 'Anything you like; ignored. The one place where unknown keys are allowed.'),
}

/** Every option with its value. Paths are absolute, `data_dir` and `database.url` are always filled in. */
export type HomeserverConfig = Values<typeof configOptions>

/** Every option by its dotted name, in the order of the table. */
export const optionsByName: ReadonlyMap<string, Option<unknown>> = new Map(flatten(configOptions, ''))

function* flatten(tree: OptionTree, prefix: string): Generator<[string, Option<unknown>]> {
  for (const [name, entry] of Object.entries(tree)) {
    if (isOption(entry)) yield [prefix + name, entry]
    else yield* flatten(entry, `${prefix}${name}.`)
  }
}

function isOption(entry: Option<unknown> | OptionTree): entry is Option<unknown> {
  return entry.isOption === true
}
