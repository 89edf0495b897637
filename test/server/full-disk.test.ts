/**
 * A disk that is full and has room again, under a real server process and a supervisor that starts it again when it
 * ends with 75. The disk is a small tmpfs, which only root may mount: elsewhere these tests are skipped.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../server/store/database.js'
import { leastFreeBytes } from '../../server/store/free-space.js'
import { silentLogger } from '../support/database.js'
import { complaintsOf, type HeadlessServer, startHeadless } from '../support/headless-child.js'

const mb = 1024 * 1024

function mountDisk(options: string) {
  const dir = mkdtempSync(join(tmpdir(), 'hearth-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], { stdio: 'pipe' })
  const free = () => {
    const { bavail, bsize } = statfsSync(dir)
    return bavail * bsize
  }
  return {
    dir,
    free,
    remount: (changed: string) => execFileSync('mount', ['-o', `remount,${changed}`, dir]),
    inodesUsed: () => statfsSync(dir).files - statfsSync(dir).ffree,
    /** Leaves that many bytes. */
    fill(leaving: number) {
      const path = join(dir, 'filler')
      writeFileSync(path, Buffer.alloc(Math.max(0, free() - leaving)))
      return () => rmSync(path)
    },
    [Symbol.dispose]() {
      execFileSync('umount', ['-l', dir])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const mayMount = (() => {
  try {
    mountDisk('size=1m')[Symbol.dispose]()
    return true
  } catch {
    return false
  }
})()

/** Starts the server, and again while it ends with 75. */
function supervise(dataDir: string) {
  let server: HeadlessServer | undefined
  let isEnding = false
  const starts: { code?: number | null; complaints: string[] }[] = []
  const run = async () => {
    while (!isEnding) {
      const started = await startHeadless(dataDir)
      if ('url' in started) {
        server = started
        const code = await started.child.ended
        server = undefined
        starts.push({ code, complaints: complaintsOf(started.child) })
        if (code !== 75) return
      } else {
        starts.push({ code: started.code, complaints: [started.complaint] })
        if (started.code !== 75) return
      }
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  const running = run()
  return {
    starts,
    get server() {
      return server
    },
    async ready(): Promise<HeadlessServer> {
      await expect.poll(() => server, { timeout: 60_000, interval: 100 }).toBeDefined()
      return server!
    },
    async end() {
      isEnding = true
      server?.child.post('end')
      await running
    },
  }
}

/** A user of the server, whichever process it is now. */
function makeUser(supervised: ReturnType<typeof supervise>) {
  let token = ''
  const request = async (method: string, path: string, body?: unknown) => {
    const { url } = await supervised.ready()
    const response = await fetch(new URL(path.startsWith('/health') ? path : `/_matrix/client/v3${path}`, url), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of a body
    return { status: response.status, body: (await response.json()) as any }
  }
  const send = (roomId: string, text: string) =>
    request(
      'PUT',
      `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${encodeURIComponent(text.slice(0, 40))}`,
      {
        msgtype: 'm.text',
        body: text,
      },
    )
  return {
    request,
    send,
    async register() {
      const auth = { type: 'm.login.dummy' }
      const { body } = await request('POST', '/register', { username: 'alice', password: 'a long password', auth })
      token = body.access_token
      return (await request('POST', '/createRoom', {})).body.room_id as string
    },
    async timeline(roomId: string): Promise<Map<string, string>> {
      const found = new Map<string, string>()
      let from = ''
      do {
        const path = `/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100${from && `&from=${from}`}`
        const { status, body } = await request('GET', path)
        expect(status).toBe(200)
        for (const { event_id, type, content } of body.chunk)
          if (type === 'm.room.message') found.set(event_id, content.body)
        from = body.end
      } while (from)
      return found
    },
  }
}

/** Every acknowledged message is there, no refused one is, and each has a position of its own. */
async function checkDatabase(dataDir: string, acknowledged: ReadonlyMap<string, string>, refused: readonly string[]) {
  const db = await openDatabase({ url: `rocksdb://${dataDir}/db`, logger: silentLogger })
  const [rows] = await db.query<[{ event_id: string; position: number }[]]>('SELECT event_id, position FROM timeline')
  expect(new Set(rows.map(({ position }) => position)).size).toBe(rows.length)
  const ids = new Set(rows.map(({ event_id }) => event_id))
  for (const eventId of acknowledged.keys()) expect(ids).toContain(eventId)
  const [pdus] = await db.query<[string[]]>('SELECT VALUE pdu FROM timeline, event WHERE pdu != NONE')
  for (const text of refused) expect(pdus.some((pdu) => pdu.includes(text))).toBe(false)
  await db.close()
}

describe.skipIf(!mayMount)('a full disk', { timeout: 180_000 }, () => {
  test('writes are refused and reading goes on, in the same process, until there is room again', async () => {
    using disk = mountDisk('size=256m')
    const dataDir = join(disk.dir, 'data')
    const supervised = supervise(dataDir)
    const alice = makeUser(supervised)
    const roomId = await alice.register()
    const acknowledged = new Map<string, string>()
    const say = async (text: string) => {
      const { status, body } = await alice.send(roomId, text)
      if (status === 200) acknowledged.set(body.event_id, text)
      return { status, body }
    }
    for (let n = 0; n < 20; n++) expect((await say(`before ${n}`)).status).toBe(200)

    const makeRoom = disk.fill(mb)
    const refusal = await say('refused 1')
    expect(refusal).toMatchObject({ status: 503, body: { errcode: 'M_UNKNOWN', error: expect.stringMatching(/disk/) } })
    expect((await say('refused 2')).status).toBe(503)
    expect(await alice.request('GET', '/health')).toMatchObject({ status: 503, body: { status: 'full' } })
    expect(await alice.timeline(roomId)).toEqual(acknowledged)
    makeRoom()
    await expect.poll(async () => (await say('after')).status, { timeout: 10_000 }).toBe(200)
    expect(await alice.request('GET', '/health')).toMatchObject({ status: 200 })

    expect(await alice.timeline(roomId)).toEqual(acknowledged)
    await supervised.end()
    expect(supervised.starts.map(({ code }) => code)).toEqual([0])
    await checkDatabase(dataDir, acknowledged, ['refused 1', 'refused 2'])
  })

  test('an engine that met the full disk is replaced: nothing acknowledged is lost, nothing refused comes back', async () => {
    // Without room for a new file the engine fails although bytes are free: what no look at the disk foresees.
    using disk = mountDisk('size=512m')
    const dataDir = join(disk.dir, 'data')
    const supervised = supervise(dataDir)
    const alice = makeUser(supervised)
    const roomId = await alice.register()
    const acknowledged = new Map<string, string>()
    const refused: string[] = []
    expect((await alice.send(roomId, 'first')).status).toBe(200)

    disk.remount(`nr_inodes=${disk.inodesUsed()}`)
    for (let n = 0; refused.length === 0; n++) {
      expect(n).toBeLessThan(2_000)
      const text = `${n} ${'x'.repeat(40_000)}`
      const answer = await alice.send(roomId, text).catch(() => ({ status: 0, body: {} }))
      if (answer.status === 200) acknowledged.set(answer.body.event_id, text)
      else refused.push(text)
    }
    await expect.poll(() => supervised.starts.length, { timeout: 60_000 }).toBeGreaterThan(1)
    disk.remount('nr_inodes=100000')
    const timeline = await alice.timeline(roomId)
    const after = await alice.send(roomId, 'after')

    expect(after.status).toBe(200)
    acknowledged.set(after.body.event_id, 'after')
    for (const eventId of acknowledged.keys())
      if (eventId !== after.body.event_id) expect(timeline.has(eventId)).toBe(true)
    expect([...timeline.values()].filter((text) => refused.includes(text))).toEqual([])
    const codes = supervised.starts.map(({ code }) => code)
    expect(new Set(codes)).toEqual(new Set([75]))
    expect(supervised.starts[0]?.complaints.join()).toMatch(/to be started again/)
    await supervised.end()
    await checkDatabase(dataDir, acknowledged, refused)
  })

  test('a server does not start on a full disk, says so, and starts when there is room', async () => {
    using disk = mountDisk('size=256m')
    mkdirSync(join(disk.dir, 'data'))
    const makeRoom = disk.fill(leastFreeBytes - mb)

    expect(await startHeadless(join(disk.dir, 'data'))).toEqual({
      code: 75,
      complaint: expect.stringMatching(/^The disk that holds .* has only 6[123] MB left/),
    })
    makeRoom()
    const started = await startHeadless(join(disk.dir, 'data'))

    expect(started).toHaveProperty('url')
    if ('url' in started) {
      started.child.post('end')
      expect(await started.child.ended).toBe(0)
    }
  })
})
