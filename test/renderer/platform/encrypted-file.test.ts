/** Files of encrypted rooms. */
import { expect, test } from 'vitest'
import { decryptFile, encryptFile, readEncryptedFile } from '../../../renderer/platform/matrix/encrypted-file.js'

const url = 'mxc://test/file'

test('what was encrypted comes back, of the kind that it was, and nothing of it lies in the open', async () => {
  const { blob, file } = await encryptFile(new Blob(['a picture of the garden'], { type: 'image/png' }))
  const opened = await decryptFile(blob, { ...file, url }, 'image/png')

  expect(await blob.text()).not.toContain('garden')
  expect(blob.type).toBe('application/octet-stream')
  expect(await opened.text()).toBe('a picture of the garden')
  expect(opened.type).toBe('image/png')
  expect(file).toMatchObject({ v: 'v2', key: { kty: 'oct', alg: 'A256CTR', ext: true } })
})

test('two files never share a key', async () => {
  const [one, other] = [await encryptFile(new Blob(['x'])), await encryptFile(new Blob(['x']))]

  expect(one.file.key.k).not.toBe(other.file.key.k)
  expect(one.file.iv).not.toBe(other.file.iv)
})

test('a file that was changed on its way is not opened', async () => {
  const { blob, file } = await encryptFile(new Blob(['the right words']))
  const bytes = new Uint8Array(await blob.arrayBuffer())
  bytes[0]! ^= 1

  await expect(decryptFile(new Blob([bytes]), { ...file, url }, 'text/plain')).rejects.toThrow('not the one')
})

test('what could run in this page is left as bytes', async () => {
  const { blob, file } = await encryptFile(new Blob(['<svg onload="x()"/>']))

  for (const type of ['image/svg+xml', 'text/html', 'application/xhtml+xml', 'image/png; text/html', undefined])
    expect((await decryptFile(blob, { ...file, url }, type)).type).toBe('application/octet-stream')
})

test('what another says of a file is taken only where it is whole', async () => {
  const { file } = await encryptFile(new Blob(['x']))
  const whole = { ...file, url }

  expect(readEncryptedFile(whole)).toMatchObject({ url })
  for (const broken of [undefined, 'file', {}, { ...whole, v: 'v1' }, { ...whole, hashes: {} }, { ...whole, key: {} }])
    expect(readEncryptedFile(broken)).toBeUndefined()
})
