/**
 * A homeserver of the test's own making: it has a name, a key and a certificate, and says over TLS whatever
 * the test tells it to say. For everything that an honest server never does.
 */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Agent, request } from 'undici'
import { authEventKeys } from '../../server/events/auth-rules/index.js'
import { canonicalJson } from '../../server/events/canonical-json.js'
import { toPduEvent } from '../../server/events/event-id.js'
import { type JsonObject, type Pdu, type PduEvent, stateKeyOf, type UnsignedPdu } from '../../server/events/pdu.js'
import { type RoomVersionRules, roomVersionRules } from '../../server/events/room-versions.js'
import { hashAndSignPdu, type SigningKey, signingKeyFromSeed, signJson } from '../../server/events/signatures.js'
import { signRequest } from '../../server/events/x-matrix.js'
import {
  parseServerName,
  parseUserId,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../server/kernel/identifiers.js'
import type { Ports } from './federation-server.js'
import type { TestCa } from './test-ca.js'

export type Answer = { status: number; body: JsonObject }
export type Handler = (request: {
  path: string
  query: URLSearchParams
  body: JsonObject
}) => JsonObject | Promise<JsonObject>

/** Thrown by a handler: the puppet answers with that status. */
export class PuppetRefusal extends Error {
  constructor(
    readonly status: number,
    readonly errcode = 'M_UNKNOWN',
  ) {
    super(errcode)
  }
}

/** A room as the puppet sees it: what it was told when it joined, and what it made up since. */
export type PuppetRoom = {
  roomId: RoomId
  rules: RoomVersionRules
  state: Map<string, PduEvent>
  /** Events that the next one names as prev events. */
  tips: PduEvent[]
}

export type EventDraft = {
  type: string
  sender: UserId
  stateKey?: string
  content: JsonObject
  prevEvents?: readonly string[]
  authEvents?: readonly string[]
  depth?: number
  members?: JsonObject
}

export type PuppetServer = AsyncDisposable & {
  readonly name: ServerName
  readonly key: SigningKey
  /** Answers by the beginning of the path, e.g. `/_matrix/federation/v1/get_missing_events/`. The longest that fits counts. */
  readonly answers: Map<string, Handler>
  /** Paths that were asked for, in order. */
  readonly asked: string[]
  user(localpart: string): UserId
  /** A request as it should be: signed, with a body in canonical JSON unless `rawBody` says otherwise. */
  ask(
    to: ServerName,
    method: string,
    uri: string,
    content?: JsonObject,
    options?: { rawBody?: string; authorization?: string },
  ): Promise<Answer>
  sendPdus(to: ServerName, txnId: string, pdus: readonly unknown[], edus?: readonly unknown[]): Promise<Answer>
  /** make_join and send_join. Throws where it is refused. */
  join(to: ServerName, roomId: RoomId, userId: UserId): Promise<PuppetRoom>
  /** A signed event on the room's tips; the room moves on only with `push`. */
  makeEvent(room: PuppetRoom, draft: EventDraft): PduEvent
  push(room: PuppetRoom, event: PduEvent): PduEvent
}

export async function startPuppet(name: string, ca: TestCa, ports: Ports): Promise<PuppetServer> {
  const serverName = parseServerName(name)!
  const key = signingKeyFromSeed(new Uint8Array(32).fill(name.charCodeAt(0)), 'ed25519:p')
  const answers = new Map<string, Handler>()
  const asked: string[] = []
  const agent = new Agent({ connect: { ca: ca.pem } })
  const certificate = ca.issue([name])
  answers.set('/_matrix/key/v2/server', () =>
    signJson(
      {
        server_name: name,
        valid_until_ts: Date.now() + 86_400_000,
        verify_keys: { [key.keyId]: { key: key.publicKeyBase64 } },
        old_verify_keys: {},
      },
      name,
      key,
    ),
  )
  answers.set('/_matrix/federation/v1/send/', () => ({ pdus: {} }))
  const server = await listen(certificate, answers, asked)
  ports.set(name, (server.address() as AddressInfo).port)

  const ask: PuppetServer['ask'] = async (to, method, uri, content, options = {}) => {
    const body = options.rawBody ?? (content && canonicalJson(content, { strict: false }))
    const answer = await request(`https://127.0.0.1:${ports.get(to)}${uri}`, {
      method: method as 'GET',
      dispatcher: agentFor(to, ca),
      headers: {
        host: to,
        authorization:
          options.authorization ?? signRequest({ method, uri, origin: serverName, destination: to, content }, key),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body }),
    })
    return { status: answer.statusCode, body: (await answer.body.json()) as JsonObject }
  }

  const makeEvent: PuppetServer['makeEvent'] = (room, draft) => {
    const prev = draft.prevEvents ?? room.tips.map(({ eventId }) => eventId)
    const subject = {
      type: draft.type,
      sender: draft.sender,
      content: draft.content,
      ...(draft.stateKey !== undefined && { state_key: draft.stateKey }),
    }
    const keys = authEventKeys(subject, room.rules).map(([type, stateKey]) => stateKeyOf(type, stateKey))
    const unsigned = {
      ...subject,
      room_id: room.roomId,
      origin_server_ts: Date.now(),
      depth: draft.depth ?? Math.max(0, ...room.tips.map(({ pdu }) => pdu.depth)) + 1,
      prev_events: prev,
      auth_events: draft.authEvents ?? keys.flatMap((each) => room.state.get(each)?.eventId ?? []),
      ...draft.members,
    } as UnsignedPdu
    return toPduEvent(hashAndSignPdu(unsigned, room.rules, name as ServerName, key), room.rules)
  }

  return {
    name: serverName,
    ...{ key, answers, asked, ask, makeEvent },
    user: (localpart) => parseUserId(`@${localpart}:${name}`)!,
    sendPdus: (to, txnId, pdus, edus = []) =>
      ask(to, 'PUT', `/_matrix/federation/v1/send/${txnId}`, {
        origin: name,
        origin_server_ts: Date.now(),
        pdus,
        edus,
      }),
    async join(to, roomId, userId) {
      const escaped = `${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}`
      const versions = ['5', '10', '11', '12'].map((version) => `ver=${version}`).join('&')
      const made = await ask(to, 'GET', `/_matrix/federation/v1/make_join/${escaped}?${versions}`)
      if (made.status !== 200) throw new Error(`make_join: ${made.status} ${JSON.stringify(made.body)}`)
      const rules = roomVersionRules(String(made.body.room_version))!
      const pdu = hashAndSignPdu(made.body.event as UnsignedPdu, rules, serverName, key)
      const event = toPduEvent(pdu, rules)
      const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(event.eventId)}`
      const sent = await ask(to, 'PUT', uri, { ...pdu })
      if (sent.status !== 200) throw new Error(`send_join: ${sent.status} ${JSON.stringify(sent.body)}`)
      const state = new Map<string, PduEvent>()
      for (const value of [...(sent.body.state as Pdu[]), pdu])
        state.set(stateKeyOf(value.type, value.state_key!), toPduEvent(value, rules))
      return { roomId, rules, state, tips: [event] }
    },
    push(room, event) {
      room.tips = [event]
      if (event.pdu.state_key !== undefined) room.state.set(stateKeyOf(event.pdu.type, event.pdu.state_key), event)
      return event
    },
    async [Symbol.asyncDispose]() {
      await agent.close()
      await Promise.all([...agents.values()].map((each) => each.destroy()))
      agents.clear()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const agents = new Map<string, Agent>()
function agentFor(to: ServerName, ca: TestCa): Agent {
  const known = agents.get(to)
  if (known) return known
  const agent = new Agent({ connect: { ca: ca.pem, servername: to } })
  agents.set(to, agent)
  return agent
}

async function listen(
  certificate: { cert: string; key: string },
  answers: Map<string, Handler>,
  asked: string[],
): Promise<Server> {
  const server = createServer(certificate, (incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', async () => {
      const url = new URL(incoming.url ?? '/', 'https://puppet.test')
      const path = decodeURIComponent(url.pathname)
      asked.push(path)
      const beginnings = [...answers.keys()].filter((beginning) => path.startsWith(beginning))
      const handler = answers.get(beginnings.sort((a, b) => b.length - a.length)[0] ?? '')
      if (!handler) return void response.writeHead(404).end('{"errcode":"M_UNRECOGNIZED"}')
      const text = Buffer.concat(chunks).toString()
      try {
        const answer = await handler({ path, query: url.searchParams, body: text === '' ? {} : JSON.parse(text) })
        response.end(JSON.stringify(answer))
      } catch (error) {
        const { status, errcode } = error instanceof PuppetRefusal ? error : new PuppetRefusal(500)
        response.writeHead(status).end(JSON.stringify({ errcode }))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
