/** What looking for what is missing may cost in all, however the servers that are asked answer. */
import { describe, expect, test } from 'vitest'
import { signingKeyFromSeed } from '../../../server/events/signatures.js'
import { makeStartSearch, searchAt } from '../../../server/federation/ask-in-turn.js'
import { makeFederationClient } from '../../../server/federation/federation-client.js'
import { FederationError } from '../../../server/federation/federation-error.js'
import type { Exchange } from '../../../server/federation/transport.js'
import type { ServerName } from '../../../server/kernel/identifiers.js'
import type { Room } from '../../../server/rooms/room.js'

const [us, peer] = ['us.test', 'peer.test'] as ServerName[] as [ServerName, ServerName]

/** A client whose peer answers with as many bytes as the test says. */
function clientOf(answerBytes: () => number) {
  const taken: number[] = []
  const failed: string[] = []
  const client = makeFederationClient({
    serverName: us,
    signingKey: signingKeyFromSeed(new Uint8Array(32), 'ed25519:k'),
    resolveServerName: async () => [{ host: 'x', port: 1, hostHeader: 'x', certificateFor: 'x' }],
    transport: {
      async exchange({ maxBytes }: Exchange) {
        const length = answerBytes()
        taken.push(Math.min(length, maxBytes))
        if (length > maxBytes) throw new FederationError(peer, 'too-large', 'too much')
        return { status: 200, headers: {}, body: Buffer.from('{}'.padEnd(length)) }
      },
      open: () => Promise.reject(new Error('no streams here')),
      async close() {},
    },
    destinations: {
      checkDue() {},
      succeeded() {},
      failed: (destination: string) => failed.push(destination),
    } as unknown as Parameters<typeof makeFederationClient>[0]['destinations'],
    isServerAllowed: () => true,
  })
  return { client, taken, failed }
}
const question = { destination: peer, method: 'GET', path: '/x', maxBytes: 1_000 } as const

describe('an allowance', () => {
  test('is what all answers together may have, and nothing is asked beyond it', async () => {
    const { client, taken } = clientOf(() => 400)
    const allowance = { bytes: 900 }

    const ends = await Promise.allSettled([1, 2].map(() => client.request({ ...question, allowance })))
    const third = client.request({ ...question, allowance })
    await expect(third).rejects.toMatchObject({ failure: 'aborted' })
    await expect(client.request({ ...question, allowance })).rejects.toMatchObject({ failure: 'aborted' })

    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect(taken).toEqual([400, 400, 100])
  })

  test('is used up by answers that are broken off', async () => {
    const { client, taken } = clientOf(() => 5_000)
    const allowance = { bytes: 2_500 }

    for (let i = 0; i < 5; i++) await client.request({ ...question, allowance }).catch(() => {})

    expect(taken).toEqual([1_000, 1_000, 500])
  })

  test('that is short is no outage of the server that is asked', async () => {
    const { client, failed } = clientOf(() => 900)

    await client.request({ ...question, allowance: { bytes: 100 } }).catch(() => {})

    expect(failed).toEqual([])
  })

  test('belongs to the whole search, at whichever servers it goes on', async () => {
    const startSearch = makeStartSearch({ serverName: us, rooms: { readServers: async () => new Map([[peer, 1]]) } })
    const search = await startSearch({} as Room)
    const other = await startSearch({} as Room)

    searchAt([peer], search).allowance.bytes -= 10

    expect(other.allowance.bytes - search.allowance.bytes).toBe(10)
  })
})
