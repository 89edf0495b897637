/** The document of a server's keys goes out as it was signed. */
import { expect, test } from 'vitest'
import { getServerKeyEndpoint } from '../../../server/api/federation/server-discovery/get-server-key.js'
import { canonicalJson } from '../../../server/events/canonical-json.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { startPuppet } from '../../support/puppet-server.js'

test('is sent in canonical JSON, whatever the order it was made in', async () => {
  const document = { valid_until_ts: 1, verify_keys: { b: { key: 'x' }, a: { key: 'y' } }, server_name: 'a.test' }
  const publishServerKeys = () => document as never
  const { body, headers } = (await getServerKeyEndpoint.run({} as never, { publishServerKeys })) as {
    body: Uint8Array
    headers: Record<string, string>
  }

  expect(Buffer.from(body).toString()).toBe(canonicalJson(document))
  expect(headers['content-type']).toBe('application/json')
})

test('is the same JSON for whoever asks over TLS, by both paths', async () => {
  await using federated = await startFederation(1)
  const [a] = federated.servers as [FederationServer]
  await using peer = await startPuppet('peer.test', federated.ca, federated.ports)

  for (const path of ['/_matrix/key/v2/server', '/_matrix/key/v2/server/ed25519:1']) {
    const { status, body } = await peer.ask(a.name, 'GET', path)
    expect([status, body.server_name]).toEqual([200, a.name])
    expect(body.signatures).toHaveProperty(a.name)
  }
})
