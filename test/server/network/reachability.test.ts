/** What is said of how the server is reached follows what listens. */
import { expect, test } from 'vitest'
import { makeReadReachability } from '../../../server/network/reachability.js'
import { makeTestCa } from '../../support/test-ca.js'

const state = { state: 'off' as const, addresses: [], visitors: [] }
const read = (federation: { port: number; certificate: Buffer | undefined } | undefined, serverName = 'home.example') =>
  makeReadReachability({
    clientUrl: () => 'http://127.0.0.1:8008/',
    homeNetwork: { state: () => state },
    publicUrl: undefined,
    federates: () => true,
    federation: () => federation,
    serverName: () => serverName,
  })()

test('a server that federates and listens to nobody has no listener', () => {
  expect(read(undefined)).toEqual({
    thisMachine: 'http://127.0.0.1:8008/',
    homeNetwork: state,
    publicUrl: undefined,
    federates: true,
    federationListener: undefined,
  })
})

test('a certificate is looked into: for whom, and until when', () => {
  const { cert } = makeTestCa().issue(['home.example'])
  const certificate = Buffer.from(cert)

  expect(read({ port: 8448, certificate }).federationListener?.certificate).toMatchObject({
    names: ['home.example'],
    isForServer: true,
  })
  expect(read({ port: 8448, certificate }, 'other.example').federationListener?.certificate?.isForServer).toBe(false)
  expect(read({ port: 8448, certificate: undefined }).federationListener).toEqual({ port: 8448 })
})
