/**
 * A certificate authority for tests: X.509 certificates made with node:crypto alone, so that no test
 * depends on an openssl program.
 *
 * Source of the structures: RFC 5280.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

const tlv = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  if (body.length < 128) return Buffer.concat([Buffer.from([tag, body.length]), body])
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 255 ? 4 : 2, '0'), 'hex')
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body])
}
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts)
const set = (...parts: Buffer[]) => tlv(0x31, ...parts)
const integer = (bytes: Buffer) => tlv(0x02, bytes)
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'))
const octets = (bytes: Buffer) => tlv(0x04, bytes)
const isTrue = tlv(0x01, Buffer.from([0xff]))
const utcTime = (at: Date) => tlv(0x17, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const nameOf = (commonName: string) => sequence(set(sequence(oid('550403'), tlv(0x0c, Buffer.from(commonName)))))
const extension = (id: string, value: Buffer, critical = false) =>
  sequence(oid(id), ...(critical ? [isTrue] : []), octets(value))

const ipBytes = (address: string): Buffer => {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  if (address === '::1') return Buffer.from('00000000000000000000000000000001', 'hex')
  throw new TypeError(`no certificates for ${address} here`)
}
const subjectAltName = (names: readonly string[]) =>
  sequence(...names.map((name) => (isIP(name) ? tlv(0x87, ipBytes(name)) : tlv(0x82, Buffer.from(name)))))

const toPem = (label: string, der: Buffer) =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END ${label}-----\n`

type Issue = {
  subject: string
  issuer: string
  publicKey: KeyObject
  signer: KeyObject
  extensions: Buffer[]
  validDays: number
}

function makeCertificate({ subject, issuer, publicKey, signer, extensions, validDays }: Issue): string {
  const day = 86_400_000
  const from = new Date(Date.now() - 2 * day)
  const until = new Date(Date.now() + validDays * day)
  const tbs = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(utcTime(from), utcTime(until)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  )
  const signature = tlv(0x03, Buffer.from([0]), sign('sha256', tbs, signer))
  return toPem('CERTIFICATE', sequence(tbs, ecdsaWithSha256, signature))
}

export type Certificate = { cert: string; key: string }
export type TestCa = {
  /** PEM of the authority itself. */
  readonly pem: string
  /** A server certificate for DNS names and IP addresses. `validDays` below zero: expired since yesterday or longer. */
  issue(names: readonly string[], options?: { validDays?: number }): Certificate
}

const newKey = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })

export function makeTestCa(name = 'Hearth test authority'): TestCa {
  const ca = newKey()
  const caExtensions = [
    extension('551d13', sequence(isTrue), true), // basicConstraints: CA
    extension('551d0f', tlv(0x03, Buffer.from([2, 0x04])), true), // keyUsage: keyCertSign
  ]
  const pem = makeCertificate({
    subject: name,
    issuer: name,
    publicKey: ca.publicKey,
    signer: ca.privateKey,
    extensions: caExtensions,
    validDays: 3650,
  })
  return {
    pem,
    issue(names, { validDays = 30 } = {}) {
      const own = newKey()
      const cert = makeCertificate({
        subject: names[0] ?? 'nobody',
        issuer: name,
        publicKey: own.publicKey,
        signer: ca.privateKey,
        extensions: [extension('551d11', subjectAltName(names))],
        validDays,
      })
      return { cert, key: own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    },
  }
}
