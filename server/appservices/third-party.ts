/**
 * Networks that services bridge to: which there are, and who and what can be found there.
 *
 * Each service that names the protocol is asked; what one does not answer, the others still do.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#third-party-networks
 */
import { LRUCache } from 'lru-cache'
import { isJsonObject, type JsonObject } from '../events/pdu.js'
import type { Logger } from '../kernel/logger.js'
import type { AskAppservice } from './appservice-client.js'
import type { Appservice, Appservices } from './appservices.js'

/** Of a lookup by names that the network knows. */
export type Fields = Readonly<Record<string, string>>

export type ThirdParty = {
  readProtocols(signal: AbortSignal): Promise<Record<string, JsonObject>>
  /** Undefined for a protocol that no service names, or none answers for. */
  readProtocol(protocol: string, signal: AbortSignal): Promise<JsonObject | undefined>
  /** @param kind users, or locations (rooms); undefined `protocol`: of all, by a Matrix ID */
  lookUp(
    kind: 'user' | 'location',
    protocol: string | undefined,
    fields: Fields,
    signal: AbortSignal,
  ): Promise<JsonObject[]>
}

const timeoutMs = 10_000
const keptMs = 5 * 60_000
const maxResults = 1_000

export function makeThirdParty(needs: {
  appservices: Pick<Appservices, 'all'>
  ask: AskAppservice
  log: Logger
}): ThirdParty {
  const { ask, log } = needs
  const told = needs.appservices.all.filter(({ url }) => url !== undefined)
  const descriptions = new LRUCache<string, JsonObject>({ max: 200, ttl: keptMs })

  async function askOne(service: Appservice, path: string, signal: AbortSignal): Promise<unknown> {
    try {
      const { status, body } = await ask(service, { method: 'GET', path, timeoutMs, signal })
      return status === 200 ? body : undefined
    } catch (error) {
      log.info({ err: error, appservice: service.id }, 'an application service could not be asked')
      return undefined
    }
  }

  async function describe(service: Appservice, protocol: string, signal: AbortSignal): Promise<JsonObject | undefined> {
    const key = `${service.id} ${protocol}`
    const known = descriptions.get(key)
    if (known) return known
    const answer = await askOne(service, `/_matrix/app/v1/thirdparty/protocol/${encodeURIComponent(protocol)}`, signal)
    if (!isDescription(answer)) return undefined
    // By this the network is named in the room directory.
    const instances = answer.instances.map((each) => ({ ...each, instance_id: `${service.id}|${each.network_id}` }))
    const description = { ...answer, instances }
    descriptions.set(key, description)
    return description
  }

  async function readProtocol(protocol: string, signal: AbortSignal): Promise<JsonObject | undefined> {
    const services = told.filter(({ protocols }) => protocols.includes(protocol))
    const all = await Promise.all(services.map((each) => describe(each, protocol, signal)))
    const [first, ...others] = all.filter((each) => each !== undefined)
    if (!first) return undefined
    return { ...first, instances: [first, ...others].flatMap(({ instances }) => instances as JsonObject[]) }
  }

  return {
    readProtocol,
    async readProtocols(signal) {
      const names = [...new Set(told.flatMap(({ protocols }) => protocols))]
      const all = await Promise.all(names.map(async (name) => [name, await readProtocol(name, signal)] as const))
      return Object.fromEntries(all.filter((each): each is [string, JsonObject] => each[1] !== undefined))
    },
    async lookUp(kind, protocol, fields, signal) {
      const services = protocol === undefined ? told : told.filter(({ protocols }) => protocols.includes(protocol))
      const place = protocol === undefined ? kind : `${kind}/${encodeURIComponent(protocol)}`
      const path = `/_matrix/app/v1/thirdparty/${place}?${new URLSearchParams(fields)}`
      const answers = await Promise.all(services.map((each) => askOne(each, path, signal)))
      return answers.flatMap((answer) => (Array.isArray(answer) ? answer.filter(isResult) : [])).slice(0, maxResults)
    },
  }
}

type Description = JsonObject & { instances: (JsonObject & { network_id: string })[] }

const isDescription = (answer: unknown): answer is Description =>
  isJsonObject(answer) &&
  isJsonObject(answer.field_types) &&
  isListOf(answer.user_fields) &&
  isListOf(answer.location_fields) &&
  typeof answer.icon === 'string' &&
  Array.isArray(answer.instances) &&
  answer.instances.every(
    (each) =>
      isJsonObject(each) &&
      typeof each.network_id === 'string' &&
      typeof each.desc === 'string' &&
      isJsonObject(each.fields),
  )

const isListOf = (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === 'string')

const isResult = (each: unknown): each is JsonObject =>
  isJsonObject(each) &&
  typeof each.protocol === 'string' &&
  isJsonObject(each.fields) &&
  (typeof each.userid === 'string' || typeof each.alias === 'string')
