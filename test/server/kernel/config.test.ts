/** The configuration: defaults, file, environment and arguments, and one sentence for what is wrong. */
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  ConfigError,
  configTable,
  defaultConfig,
  exampleConfig,
  readConfig,
  variableOf,
} from '../../../server/kernel/config.js'
import { optionsByName } from '../../../server/kernel/config-options.js'
import { readSources } from '../../support/sources.js'

const repo = resolve(import.meta.dirname, '../../..')
const dataDir = resolve('/srv/hearth')
const file = (tree: unknown, path = '/etc/hearth/config.json') => ({
  path,
  text: typeof tree === 'string' ? tree : JSON.stringify(tree),
})
const refusal = (sources: Omit<Parameters<typeof readConfig>[0], 'dataDir'>) => {
  try {
    readConfig({ dataDir, ...sources })
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return undefined
}

describe('what is set where', () => {
  test('nothing set: a local server on loopback, closed to registration and federation', () => {
    expect(defaultConfig(dataDir)).toMatchObject({
      server_name: undefined,
      data_dir: dataDir,
      database: { url: `rocksdb://${dataDir}/db` },
      listeners: {
        client: { host: '127.0.0.1', port: 8008 },
        federation: { enabled: false, port: 8448 },
      },
      federation: { enabled: false, verify_certificates: true, allow_private_addresses: false },
      registration: { enabled: false, dummy_flow: false, tokens: [], guests: false },
      default_room_version: '12',
      password_hashing: { cost: 'default' },
    })
  })

  test('arguments win over the environment, which wins over the file', () => {
    const config = readConfig({
      dataDir,
      file: file({ server_name: 'file.org', listeners: { client: { port: 1, host: '::1' } }, log: { level: 'warn' } }),
      env: { HEARTH_SERVER_NAME: 'env.org', HEARTH_LISTENERS_CLIENT_PORT: '2', PATH: '/bin' },
      argv: { 'listeners.client.port': '3' },
    })

    expect(config.server_name).toBe('env.org')
    expect(config.listeners.client).toEqual({ host: '::1', port: 3 })
    expect(config.log.level).toBe('warn')
  })

  test('paths in the file are relative to it', () => {
    const config = readConfig({
      dataDir,
      file: file({ data_dir: 'data', tls: { certificate_path: 'a.pem', private_key_path: '/b.pem' } }),
    })

    expect(config.data_dir).toBe(resolve('/etc/hearth/data'))
    expect(config.database.url).toBe(`rocksdb://${resolve('/etc/hearth/data')}/db`)
    expect(config.tls).toEqual({ certificate_path: resolve('/etc/hearth/a.pem'), private_key_path: '/b.pem' })
  })

  test('the environment gives lists with commas and flags by word', () => {
    const config = readConfig({
      dataDir,
      env: {
        HEARTH_FEDERATION_DENIED_SERVERS: 'a.org, b.org:8448',
        HEARTH_REGISTRATION_TOKENS: '',
        HEARTH_REGISTRATION_ENABLED: 'true',
      },
    })

    expect(config.federation.denied_servers).toEqual(['a.org', 'b.org:8448'])
    expect(config.registration).toMatchObject({ enabled: true, tokens: [] })
  })

  test('null in the file means not set, and anything may stand under extra', () => {
    const config = readConfig({ dataDir, file: file({ public_baseurl: null, extra: { mine: { deep: 1 } } }) })

    expect(config.public_baseurl).toBeUndefined()
    expect(config.extra).toEqual({ mine: { deep: 1 } })
  })

  test('two configurations share nothing', () => {
    defaultConfig(dataDir).registration.tokens.push('x')

    expect(defaultConfig(dataDir).registration.tokens).toEqual([])
  })
})

describe('what is refused', () => {
  test.each([
    [{ file: file('{') }, /^The configuration file \/etc\/hearth\/config\.json is not JSON: /],
    [{ file: file([]) }, /^\/etc\/hearth\/config\.json must be an object\.$/],
    [{ file: file({ sever_name: 'x' }) }, /^Unknown key "sever_name" in .*; did you mean "server_name"\?$/],
    [{ file: file({ listeners: { client: { prot: 1 } } }) }, /"listeners\.client\.prot".*"listeners\.client\.port"\?$/],
    [{ file: file({ level: 'info' }) }, /^Unknown key "level" .*; did you mean "log\.level"\?$/],
    [{ file: file({ zzzzzzzzzzzzzzzzzzzzzz: 1 }) }, /^Unknown key "z+" in [^;]*\.$/],
    [{ file: file({ listeners: { client: 8008 } }) }, /^"listeners\.client" in .* must be an object\.$/],
    [{ file: file({ listeners: { client: { port: 70000 } } }) }, /must be a whole number from 0 to 65535\.$/],
    [{ file: file({ listeners: { client: { port: '80' } } }) }, /must be a whole number/],
    [{ file: file({ server_name: 'not a name' }) }, /^"server_name" in .* must be a server name/],
    [{ file: file({ database: { url: 'mem://' } }) }, /must be a rocksdb:, ws: or wss: URL\.$/],
    [{ file: file({ default_room_version: '13' }) }, /must be one of 1, 2, /],
    [{ file: file({ registration: { tokens: ['a', 1] } }) }, /must be a list, each item text\.$/],
    [{ file: file({ desktop: { update_feed_url: 'http://example.org/' } }) }, /must be an https URL\.$/],
    [{ env: { HEARTH_LISTENERS_CLIENT_PORT: '-1' } }, /^HEARTH_LISTENERS_CLIENT_PORT must be a whole number/],
    [{ env: { HEARTH_REGISTRATION_ENABLED: 'yes' } }, /^HEARTH_REGISTRATION_ENABLED must be true or false\.$/],
    [{ argv: { 'listeners.client.port': 'x' } }, /^listeners\.client\.port must be a whole number/],
    [{ file: file({ tls: { certificate_path: 'a.pem' } }) }, /must be given together\.$/],
    [
      { file: file({ listeners: { client: { port: 9000 }, federation: { enabled: true, port: 9000 } } }) },
      /are both 9000\.$/,
    ],
  ])('%j', (sources, sentence) => {
    expect(refusal(sources)).toMatch(sentence)
  })

  test('an unknown variable is named with the nearest known one, and does not keep the server from starting', () => {
    const warnings: string[] = []
    const env = { HEARTH_SERVER_NAM: 'x', HEARTH_PASSPHRASE: 'x', HEARTH_SERVER_NAME: 'env.org' }
    const config = readConfig({ dataDir, env, warn: (sentence) => void warnings.push(sentence) })
    expect(config.server_name).toBe('env.org')
    expect(warnings).toEqual([
      'The environment variable HEARTH_SERVER_NAM means nothing here; did you mean "HEARTH_SERVER_NAME"?',
    ])
  })

  test('the passphrase is ours and no option, and other programs’ variables are not looked at', () => {
    expect(refusal({ env: { HEARTH_PASSPHRASE: 'x', HEARTHSTONE: '1', LISTENERS_CLIENT_PORT: 'x' } })).toBeUndefined()
  })
})

describe('the table of options', () => {
  test('each has one sentence, and a variable of its own', () => {
    for (const [name, { says }] of optionsByName) expect(says, name).toMatch(/^[A-Z].*\.$/)
    const variables = [...optionsByName.keys()].map(variableOf)
    expect(new Set(variables).size).toBe(variables.length)
  })

  test('the example file is generated from it (vitest -u rewrites it) and is accepted as it stands', async () => {
    await expect(exampleConfig()).toMatchFileSnapshot(join(repo, 'docs/config.example.json'))
    expect(readConfig({ dataDir, file: file(exampleConfig()) })).toEqual(defaultConfig(dataDir))
  })

  test('the page that documents it is generated from it', async () => {
    const page = `# Configuration

One JSON file (\`--config FILE\`, else \`HEARTH_CONFIG\`, else \`config.json\` in the default data directory), then
environment variables, then arguments; each overrides the one before. Unknown keys of the file are refused, except under
\`extra\`; an unknown \`HEARTH_…\` variable is named in a warning.
Lists in variables are separated by commas. \`HEARTH_PASSPHRASE\` seals keys at rest where there is no system key store.
This page is generated from \`server/kernel/config-options.ts\`; \`config.example.json\` has every key at its default.

${configTable()}`
    await expect(page).toMatchFileSnapshot(join(repo, 'docs/configuration.md'))
  })

  test('something reads every option', () => {
    const sources = readSources(['server', 'main'], ['kernel/config-options.ts', 'kernel/config.ts'])
    const reads = (pattern: RegExp) => sources.some(({ text }) => pattern.test(text))
    /** `config.group.name`, `group.name`, or `config.name` where the group is handed over whole. */
    const isRead = (name: string) => {
      const [last, group] = name.split('.').reverse()
      if (group === undefined) return reads(new RegExp(`\\b${last}\\b`))
      if (reads(new RegExp(`\\b${group}\\??\\.${last}\\b`))) return true
      const isHandedOver = reads(new RegExp(`config\\.(?:\\w+\\.)*${group}\\b(?!\\.)`))
      return isHandedOver && reads(new RegExp(`\\b${last}\\b`))
    }
    const unread = [...optionsByName.keys()].filter((name) => name !== 'extra' && !isRead(name))
    expect(unread).toEqual([])
  })
})
