/** multipart/mixed written and read back, cut into chunks of every size. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import {
  boundaryOf,
  MultipartError,
  partHeaders,
  readFilePart,
  writeMultipart,
} from '../../../server/federation/multipart.js'

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('multipart/mixed', () => {
  test.each([1, 2, 3, 7, 64, 1000, 1_000_000])('survives chunks of %i bytes', async (size) => {
    // Content that holds what could be taken for an end.
    const content = Buffer.from(`\r\n--\r\n--x\r\n\r\n${'y'.repeat(500)}\r\n-`)
    const headers = partHeaders({
      'content-type': 'image/png',
      'content-disposition': 'inline; filename="a"',
      'x-other': 'z',
    })
    const { contentType, body } = writeMultipart({ content, headers })
    const part = await readFilePart(inChunks(await buffer(body), size), boundaryOf(contentType)!)
    expect(part.headers).toEqual({ 'content-type': 'image/png', 'content-disposition': 'inline; filename="a"' })
    expect(Buffer.compare(await buffer(part.content), content)).toBe(0)
  })

  test('a stream goes in as it comes, and an empty file is one', async () => {
    for (const text of ['hello', '']) {
      const { contentType, body } = writeMultipart({
        content: Readable.from(text === '' ? [] : [Buffer.from(text)]),
        headers: {},
      })
      const part = await readFilePart(body, boundaryOf(contentType)!)
      expect((await buffer(part.content)).toString()).toBe(text)
    }
  })

  test('a body that ends too early, has no second part or an endless head is an error', async () => {
    const read = async (text: string) => {
      const part = await readFilePart(inChunks(Buffer.from(text), 1000), 'b')
      return buffer(part.content)
    }
    await expect(read('--b\r\n\r\n{}\r\n--b\r\n\r\nunfinished')).rejects.toThrow(MultipartError)
    await expect(read('--b\r\n\r\n{}\r\n--b--')).rejects.toThrow(MultipartError)
    await expect(read('nothing of the kind')).rejects.toThrow(MultipartError)
    await expect(read(`--b\r\n\r\n{}\r\n--b\r\nx: ${'y'.repeat(100_000)}`)).rejects.toThrow(MultipartError)
  })

  test('boundaries are read with and without quotes, and of nothing else', () => {
    expect(boundaryOf('multipart/mixed; boundary=abc')).toBe('abc')
    expect(boundaryOf('Multipart/Mixed;charset=x; boundary="a b"')).toBe('a b')
    expect(boundaryOf('multipart/form-data; boundary=abc')).toBeUndefined()
    expect(boundaryOf('image/png')).toBeUndefined()
  })
})
