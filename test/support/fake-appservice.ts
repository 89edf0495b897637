/** An application service of a test: a web server that keeps what it is told, and its registration file. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
type Json = any

export type Told = { method: string; path: string; authorization: string | undefined; body: Json }

export type FakeAppservice = AsyncDisposable & {
  readonly registrationFile: string
  readonly url: string
  /** Every request, the refused ones too. */
  readonly told: Told[]
  /** Events of transactions that it took, each transaction once, by its ID. */
  events(): Json[]
  ephemeral(): Json[]
  /** Answers other than an empty 200. Undefined: as usual. */
  answer: (
    request: Told,
  ) => Promise<{ status: number; body?: Json } | undefined> | { status: number; body?: Json } | undefined
}

export const tokens = { as: 'as-token-of-the-bridge', hs: 'hs-token-of-the-bridge' }

export async function startFakeAppservice(
  options: { port?: number; registration?: string } = {},
): Promise<FakeAppservice> {
  const told: Told[] = []
  const taken = new Map<string, Json>()
  const server = createServer(async (request, response) => {
    const each: Told = {
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
      body: await readJson(request),
    }
    told.push(each)
    const { status, body = {} } = (await fake.answer(each)) ?? { status: 200 }
    const txn = /^\/_matrix\/app\/v1\/transactions\/(.+)$/.exec(each.path)?.[1]
    if (status === 200 && txn !== undefined && !taken.has(txn)) taken.set(txn, each.body)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const dir = mkdtempSync(join(tmpdir(), 'hearth-appservice-'))
  const registrationFile = join(dir, 'registration.yaml')
  writeFileSync(registrationFile, options.registration ?? registrationOf(url))
  const fake: FakeAppservice = {
    registrationFile,
    url,
    told,
    answer: () => undefined,
    events: () => [...taken.values()].flatMap(({ events }) => events),
    ephemeral: () => [...taken.values()].flatMap(({ ephemeral }) => ephemeral ?? []),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
  return fake
}

export const registrationOf = (url: string) => `# Of a bridge to nowhere
id: nowhere
url: ${url}
as_token: ${tokens.as}
hs_token: ${tokens.hs}
sender_localpart: nowhere_bot
rate_limited: false
receive_ephemeral: true
protocols: [nowhere]
namespaces:
  users:
    - { exclusive: true, regex: '@nowhere_.*:test' }
  aliases:
    - { exclusive: true, regex: '#nowhere_.*:test' }
  rooms: []
`

async function readJson(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8')
  return text === '' ? undefined : JSON.parse(text)
}
