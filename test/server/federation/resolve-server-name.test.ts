/** Server-name resolution against the spec's cases, with DNS and well-known files made up. */
import { describe, expect, test } from 'vitest'
import type { FederationError } from '../../../server/federation/federation-error.js'
import {
  type Dns,
  inSrvOrder,
  makeResolveServerName,
  type SrvRecord,
} from '../../../server/federation/resolve-server-name.js'
import { partsOfServerName } from '../../../server/federation/server-name-parts.js'
import { systemClock } from '../../../server/kernel/clock.js'
import { parseServerName, type ServerName } from '../../../server/kernel/identifiers.js'
import { readVectors } from '../../support/spec-data.js'

type Case = {
  serverName: string
  wellKnown?: string | null
  srv?: Record<string, string>
  connect: string
  host: string
  certificateFor: string
}

const name = (text: string) => parseServerName(text) as ServerName
const noDns: Dns = { lookup: async () => [], srv: async () => [] }

function resolverFor({ wellKnown, srv = {} }: Partial<Case>) {
  const asked: string[] = []
  const dns: Dns = {
    ...noDns,
    async srv(record) {
      const target = srv[record]
      if (target === undefined) return []
      const { host, port } = partsOfServerName(target)!
      return [{ name: host, port: port!, priority: 0, weight: 0 }]
    },
  }
  const cache = {
    async delegateOf(host: string) {
      asked.push(host)
      return wellKnown === undefined || wellKnown === null || wellKnown === 'not asked' ? undefined : name(wellKnown)
    },
    forget() {},
  }
  return { resolve: makeResolveServerName({ dns, wellKnown: cache, clock: systemClock }), asked }
}

/** "A/AAAA of t.example, port 7000" or "1.2.3.4:8448" in our terms. */
function placeOf(connect: string): { host: string; port: number } {
  const looked = /^A\/AAAA of (\S+), port (\d+)$/.exec(connect)
  if (looked) return { host: looked[1]!, port: Number(looked[2]) }
  const parts = partsOfServerName(connect)!
  return { host: parts.host, port: parts.port! }
}

describe('resolving server names', () => {
  const { cases = [] } = readVectors<{ cases?: Case[] }>('serverDiscovery')

  test('every case of the spec leads where it should', async () => {
    expect(cases.length).toBeGreaterThan(10)
    for (const each of cases) {
      const [target] = await resolverFor(each).resolve(name(each.serverName))
      const { host, port } = placeOf(each.connect)
      expect(target, each.serverName).toEqual({
        host,
        port,
        hostHeader: each.host,
        certificateFor: each.certificateFor,
      })
    }
  })

  test('a name with a port or an address asks for no well-known file', async () => {
    for (const each of ['example.org:1234', '1.2.3.4', '[::1]:5']) {
      const { resolve, asked } = resolverFor({ wellKnown: 'evil.example' })
      await resolve(name(each))
      expect(asked).toEqual([])
    }
  })

  test('a sole SRV record of "." says that the server does not federate', async () => {
    const dns: Dns = { ...noDns, srv: async () => [{ name: '', port: 0, priority: 0, weight: 0 }] }
    const cache = { delegateOf: async () => undefined, forget() {} }
    const resolve = makeResolveServerName({ dns, wellKnown: cache, clock: systemClock })
    await expect(resolve(name('example.org'))).rejects.toMatchObject({
      failure: 'name',
    } satisfies Partial<FederationError>)
  })

  test('a failing DNS server leads to port 8448 of the name, as if there were no SRV record', async () => {
    const dns: Dns = { ...noDns, srv: () => Promise.reject(new Error('SERVFAIL')) }
    const resolve = makeResolveServerName({
      dns,
      wellKnown: { delegateOf: async () => undefined, forget() {} },
      clock: systemClock,
    })
    expect(await resolve(name('example.org'))).toMatchObject([{ host: 'example.org', port: 8448 }])
  })

  test('a port out of range and brackets without an IPv6 address lead nowhere', async () => {
    const { resolve } = resolverFor({})
    for (const each of ['example.org:0', 'example.org:65536', '[1.2.3.4]', '[::zz]'])
      await expect(resolve(each as ServerName), each).rejects.toMatchObject({ failure: 'name' })
  })
})

describe('SRV order', () => {
  const record = (target: string, priority: number, weight: number): SrvRecord => ({
    name: target,
    port: 1,
    priority,
    weight,
  })

  test('lower priorities come first, and within one the draw decides by weight', () => {
    const records = [record('late', 20, 0), record('light', 10, 1), record('heavy', 10, 9)]
    const names = (random: (below: number) => number) => inSrvOrder(records, random).map((each) => each.name)
    expect(names(() => 1)).toEqual(['light', 'heavy', 'late'])
    expect(names((below) => below - 1)).toEqual(['heavy', 'light', 'late'])
  })

  test('every record is tried once, whatever the draw', () => {
    const records = Array.from({ length: 20 }, (_, i) => record(`t${i}`, i % 3, i % 5))
    expect(new Set(inSrvOrder(records).map((each) => each.name)).size).toBe(20)
  })
})
