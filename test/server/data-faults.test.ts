/** Data that is not as it was left: each fault is one sentence with the ways out, and never an empty server. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type HeadlessServer, startHeadless } from '../support/headless-child.js'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'hearth-data-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const at = (name: string) => join(dataDir, name)
const readMark = () => JSON.parse(readFileSync(at('database.mark'), 'utf8')) as { position: number }

async function started(args: readonly string[] = []): Promise<HeadlessServer> {
  const server = await startHeadless(dataDir, args)
  if (!('url' in server)) throw new Error(`it did not start: ${server.complaint}`)
  return server
}
async function stop({ child }: HeadlessServer): Promise<void> {
  child.post('end')
  expect(await child.ended).toBe(0)
}

/** A server with alice and some messages that was stopped in order. @returns her token and what she sent */
async function leaveServer(): Promise<{ token: string; roomId: string; eventIds: string[] }> {
  const server = await started()
  const request = async (method: string, path: string, body: unknown, token = '') => {
    const response = await fetch(new URL(`/_matrix/client/v3${path}`, server.url), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    // biome-ignore lint/suspicious/noExplicitAny: whatever the endpoint answers
    return (await response.json()) as any
  }
  const auth = { type: 'm.login.dummy' }
  const alice = await request('POST', '/register', { username: 'alice', password: 'a long password', auth })
  const token = alice.access_token as string
  const { room_id } = await request('POST', '/createRoom', {}, token)
  const eventIds: string[] = []
  for (let n = 0; n < 30; n++) {
    const path = `/rooms/${encodeURIComponent(room_id)}/send/m.room.message/${n}`
    eventIds.push((await request('PUT', path, { msgtype: 'm.text', body: `message ${n}` }, token)).event_id)
  }
  await stop(server)
  return { token, roomId: room_id, eventIds }
}

async function countMessages(server: HeadlessServer, token: string, roomId: string): Promise<number> {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100`
  const answer = await fetch(new URL(path, server.url), { headers: { authorization: `Bearer ${token}` } })
  const { chunk } = (await answer.json()) as { chunk: { type: string }[] }
  return chunk.filter(({ type }) => type === 'm.room.message').length
}

/** Flips one bit of the engine's log, in its middle or behind it. */
function damageLog(): void {
  const logs = readdirSync(at('db')).filter((name) => /^\d+\.log$/.test(name))
  const largest = logs
    .map((name) => join(at('db'), name))
    .sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!
  const bytes = readFileSync(largest)
  const place = Math.floor(bytes.length * 0.8)
  bytes[place] = bytes[place]! ^ 1
  writeFileSync(largest, bytes)
}

describe('a data directory that was stopped in order', { timeout: 180_000 }, () => {
  test('a flipped bit in the log loses nothing without a word, and can be accepted once', async () => {
    const { token, roomId } = await leaveServer()
    const { position } = readMark()
    damageLog()

    const refused = await startHeadless(dataDir)
    if ('url' in refused) {
      // What was acknowledged does not lie in the log alone: the flipped bit met something else.
      expect(await countMessages(refused, token, roomId)).toBe(30)
      return stop(refused)
    }
    expect(refused).toEqual({
      code: 65,
      complaint: expect.stringMatching(/^The database ends at position \d+ although/),
    })
    expect(refused.complaint).toContain('--accept lost-tail')
    expect(refused.complaint).toContain(String(position))
    const accepted = await started(['--accept', 'lost-tail'])
    expect(await countMessages(accepted, token, roomId)).toBeLessThan(30)
    await stop(accepted)

    const again = await started()
    await stop(again)
    expect(readMark().position).toBeGreaterThanOrEqual(position) // no position is given out twice
  })

  test('no db/ beside keys is no new server, and no signing.key no new identity, unless someone says so', async () => {
    await leaveServer()
    renameSync(at('keys/signing.key'), at('keys/away'))
    expect(await startHeadless(dataDir)).toEqual({
      code: 65,
      complaint: expect.stringMatching(/^The key .*signing\.key is missing .*--accept key-missing/),
    })
    expect(existsSync(at('keys/signing.key'))).toBe(false)
    renameSync(at('keys/away'), at('keys/signing.key'))
    rmSync(at('db'), { recursive: true })
    expect(await startHeadless(dataDir)).toEqual({
      code: 65,
      complaint: expect.stringMatching(/^The database folder .* is missing or empty .*--accept database-missing/),
    })
    expect(existsSync(at('db'))).toBe(false)

    await stop(await started(['--accept', 'database-missing']))
    const server = await started() // what was accepted is the new truth
    expect(readMark().position).toBeLessThan(30)
    await stop(server)
  })
})
